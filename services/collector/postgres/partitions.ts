import { lockTables } from './migrate.ts'
import { EVERY_TENANT, type Pool } from './pool.ts'
import { raw, sql } from './sql.ts'
import { transaction } from './transaction.ts'

const AHEAD_MONTHS = 2
/** Each is a table that the reading of all reports looks into; of what is over no more are made than this. */
const MONTHS_MAX = 480
const DAY_MS = 86_400_000

interface Month {
  /** Of the table that holds it. */
  name: string
  /** Milliseconds since 1970: from inclusive, to exclusive. */
  from: number
  to: number
}

const startOf = (month: Temporal.PlainYearMonth): number =>
  month.toPlainDate({ day: 1 }).toZonedDateTime('UTC').epochMilliseconds

/** The month (UTC) of a moment, in milliseconds since 1970. */
export function monthOf(time: number): Month {
  const date = Temporal.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO('UTC').toPlainDate()
  const month = date.toPlainYearMonth()
  return {
    name: `reports_${month.toString().replaceAll(/\W/g, '_')}`,
    from: startOf(month),
    to: startOf(month.add({ months: 1 })),
  }
}

/** Whether a month with this end may be dropped when it is empty, by any replica: reports that come now are not of it. */
export const isDroppable = (to: number, now: number): boolean => to <= now - DAY_MS

/** The moment in the id of a report; undefined when it is the id of none. */
export function timeOfId(id: string): number | undefined {
  const [, time] = /^report-(\d{1,15})-/.exec(id) ?? []
  return time === undefined ? undefined : Number(time)
}

/**
 * The tables that reports are in, one a month. There is none for what fits no month: a report must not be somewhere
 * where it slows down the making of its month.
 */
export function createPartitions(pool: Pool, monthsMax = MONTHS_MAX) {
  const known: Month[] = []

  /**
   * Made beside the table and then attached: nobody who reads or writes waits for that.
   * @returns whether it is there: of months that are over there may be too many
   */
  const make = ({ name, from, to }: Month, isOver: boolean): Promise<boolean> =>
    transaction(pool, EVERY_TENANT, async (tx) => {
      tx.later(lockTables)
      const found = await tx.first(sql`SELECT 1 FROM pg_class WHERE oid = to_regclass(${name})`)
      if (found !== undefined) return true
      const { n } = (await tx.first<{ n: number }>(
        sql`SELECT count(*) AS n FROM pg_inherits WHERE inhparent = 'reports'::regclass`,
      )) as { n: number }
      if (isOver && n >= monthsMax) return false
      tx.later(raw(`CREATE TABLE ${name} (LIKE reports INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`))
      tx.later(raw(`ALTER TABLE ${name} ADD CONSTRAINT month CHECK (createdAt >= ${from} AND createdAt < ${to})`))
      // Nobody reads a month by itself: without a policy of its own it shows nothing then.
      tx.later(raw(`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`))
      tx.later(raw(`ALTER TABLE ${name} FORCE ROW LEVEL SECURITY`))
      tx.later(raw(`ALTER TABLE reports ATTACH PARTITION ${name} FOR VALUES FROM (${from}) TO (${to})`))
      tx.later(raw(`ALTER TABLE ${name} DROP CONSTRAINT month`))
      return true
    })

  /** Sees to it that there is room for reports of these times. @returns those for which there is none */
  async function ensure(times: readonly number[]): Promise<ReadonlySet<number>> {
    const made: Month[] = []
    const full: Month[] = []
    const roomless = new Set<number>()
    for (const time of times) {
      const holds = ({ from, to }: Month) => time >= from && time < to
      if (known.some(holds) || made.some(holds)) continue
      const month = monthOf(time)
      const isOver = isDroppable(month.to, Date.now())
      if (full.some(holds) || !(await make(month, isOver))) {
        full.push(month)
        roomless.add(time)
        continue
      }
      // One that is over may be dropped: it is looked for the next time.
      ;(isOver ? made : known).push(month)
    }
    return roomless
  }

  return {
    ensure,
    /** Makes the month of `now` and the next ones. */
    async ensureAhead(now: number): Promise<void> {
      const month = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO('UTC')
      await ensure(Array.from({ length: AHEAD_MONTHS + 1 }, (_, months) => month.add({ months }).epochMilliseconds))
    },
  }
}

export type Partitions = ReturnType<typeof createPartitions>

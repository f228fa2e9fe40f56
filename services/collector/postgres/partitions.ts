import { lockTables } from './migrate.ts'
import { EVERY_TENANT, type Pool } from './pool.ts'
import { raw, sql } from './sql.ts'
import { transaction } from './transaction.ts'

const AHEAD_MONTHS = 2
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
export function createPartitions(pool: Pool) {
  const known: Month[] = []

  /** Made beside the table and then attached: nobody who reads or writes waits for that. */
  const make = ({ name, from, to }: Month) =>
    transaction(pool, EVERY_TENANT, async (tx) => {
      tx.later(lockTables)
      const found = await tx.first(sql`SELECT 1 FROM pg_class WHERE oid = to_regclass(${name})`)
      if (found !== undefined) return
      tx.later(raw(`CREATE TABLE ${name} (LIKE reports INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`))
      tx.later(raw(`ALTER TABLE ${name} ADD CONSTRAINT month CHECK (createdAt >= ${from} AND createdAt < ${to})`))
      // Nobody reads a month by itself: without a policy of its own it shows nothing then.
      tx.later(raw(`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`))
      tx.later(raw(`ALTER TABLE ${name} FORCE ROW LEVEL SECURITY`))
      tx.later(raw(`ALTER TABLE reports ATTACH PARTITION ${name} FOR VALUES FROM (${from}) TO (${to})`))
      tx.later(raw(`ALTER TABLE ${name} DROP CONSTRAINT month`))
    })

  /** Sees to it that there is room for reports of these times. */
  async function ensure(times: readonly number[]): Promise<void> {
    const made: Month[] = []
    for (const time of times) {
      const holds = ({ from, to }: Month) => time >= from && time < to
      if (known.some(holds) || made.some(holds)) continue
      const month = monthOf(time)
      await make(month)
      // One that is over may be dropped: it is looked for the next time.
      const isOver = isDroppable(month.to, Date.now())
      ;(isOver ? made : known).push(month)
    }
  }

  return {
    ensure,
    /** Makes the month of `now` and the next ones. */
    ensureAhead(now: number): Promise<void> {
      const month = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO('UTC')
      return ensure(Array.from({ length: AHEAD_MONTHS + 1 }, (_, months) => month.add({ months }).epochMilliseconds))
    },
  }
}

export type Partitions = ReturnType<typeof createPartitions>

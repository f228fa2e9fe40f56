import { hash } from 'node:crypto'
import { given, type Column } from '../postgres/bulk.ts'
import { columns, sql, type Statement } from '../postgres/sql.ts'
import type { Transaction } from '../postgres/transaction.ts'
import {
  BUCKET_MS,
  createSeriesTally,
  DIMENSIONS,
  FINE_MS,
  OTHER,
  type Counted,
  type SeriesChange,
} from './series-tally.ts'

type Row = SeriesChange & { key: string }

const bigint = (name: keyof Row): Column<Row> => ({ name, type: 'bigint', of: (row) => row[name] })
const text = (name: keyof Row): Column<Row> => ({ name, type: 'text', of: (row) => row[name] })
const COLUMNS: readonly Column<Row>[] = [
  ...(['tenantId', 'dimension', 'key', 'name'] as const).map(text),
  ...(['size', 'time', 'none', 'info', 'warn', 'block'] as const).map(bigint),
]

/** The names that are counted apart on the days of a write. */
export interface NamesRow {
  dimension: string
  day: number
  keys: string[]
}

const NAMES: readonly Column<{ dimension: string; day: number }>[] = [
  { name: 'dimension', type: 'text', of: ({ dimension }) => dimension },
  { name: 'day', type: 'bigint', of: ({ day }) => day },
]

export const keyOf = (name: string): string => (name === OTHER ? OTHER : hash('md5', name))
const dayOf = (time: number): number => Math.floor(time / BUCKET_MS['1d']) * BUCKET_MS['1d']

/** Asks which names are counted apart on the days of these reports. */
export function namesOn(tenantId: string, times: readonly number[]): Statement {
  const days = [...new Set(times.map(dayOf))].flatMap((day) => DIMENSIONS.map((dimension) => ({ dimension, day })))
  return sql`SELECT ${columns('dimension', 'day', 'keys')} FROM series_names
    WHERE tenantId = ${tenantId} AND (dimension, day) IN (SELECT dimension, day FROM ${given(NAMES, days)})`
}

/** Stores counts, always in the order of the key; rows of this process in which nothing is left go. */
function storeSeries(tx: Transaction, changes: readonly SeriesChange[], shard: number): void {
  if (changes.length === 0) return
  const rows = changes.map((change): Row => ({ ...change, key: keyOf(change.name) }))
  tx.later(sql`
    INSERT INTO report_series (tenantId, dimension, key, size, time, shard, name, none, info, warn, block)
    SELECT tenantId, dimension, key, size, time, ${shard}::smallint, name, none, info, warn, block FROM ${given(COLUMNS, rows)}
    ORDER BY tenantId, dimension, key, size, time
    ON CONFLICT (tenantId, dimension, key, size, time, shard) DO UPDATE SET none = report_series.none + excluded.none,
      info = report_series.info + excluded.info, warn = report_series.warn + excluded.warn,
      block = report_series.block + excluded.block`)
  const less = rows.filter(({ none, info, warn, block }) => none + info + warn + block < 0)
  if (less.length === 0) return
  tx.later(sql`DELETE FROM report_series AS kept USING ${given(COLUMNS, less)}
    WHERE (kept.tenantId, kept.dimension, kept.key, kept.size, kept.time) =
        (given.tenantId, given.dimension, given.key, given.size, given.time)
      AND kept.shard = ${shard} AND kept.none = 0 AND kept.info = 0 AND kept.warn = 0 AND kept.block = 0`)
}

/**
 * Counts of one write by time, rule and policy version. Names are counted apart in the order in which they come, so many on a day;
 * one that is not never will be on that day, so that taking it away again finds where it was counted.
 */
export function seriesOfWrite(tenantId: string, found: readonly NamesRow[], max: number) {
  const names = new Map(found.map(({ dimension, day, keys }) => [`${dimension} ${day}`, new Set(keys)]))
  const fresh = new Set<string>()
  const tally = createSeriesTally(Date.now())

  function isApart({ dimension, name, time }: SeriesChange, mayCome: boolean): boolean {
    const id = `${dimension} ${dayOf(time)}`
    const keys = names.get(id) ?? new Set<string>()
    const key = keyOf(name)
    if (keys.has(key)) return true
    if (!mayCome || keys.size >= max) return false
    names.set(id, keys.add(key))
    fresh.add(id)
    return true
  }

  /** Those that are not counted apart, together. */
  function placed(mayCome: boolean): SeriesChange[] {
    const rows = new Map<string, SeriesChange>()
    for (const change of tally.changes()) {
      const isOwn = change.dimension === 'all' || isApart(change, mayCome)
      const one = isOwn ? change : { ...change, name: OTHER }
      const id = `${one.dimension} ${one.size} ${one.time} ${one.name}`
      const known = rows.get(id)
      if (known === undefined) rows.set(id, { ...one })
      else for (const severity of ['none', 'info', 'warn', 'block'] as const) known[severity] += one[severity]
    }
    return [...rows.values()]
  }

  return {
    count(report: Counted, by: 1 | -1): void {
      const { severity, policyVersion, rules } = report
      tally.add(report, 'all', '', severity, by)
      if (policyVersion !== undefined) tally.add(report, 'policy_version', policyVersion, severity, by)
      for (const [rule, worst] of rules) tally.add(report, 'rule', rule, worst, by)
    },
    /** @param mayCome whether new names may get a place: when reports come, not when they go */
    store(tx: Transaction, shard: number, mayCome: boolean): void {
      storeSeries(tx, placed(mayCome), shard)
      for (const id of fresh) {
        const [dimension, day] = id.split(' ') as [string, string]
        tx.later(sql`INSERT INTO series_names (tenantId, dimension, day, keys)
          VALUES (${tenantId}, ${dimension}, ${Number(day)}, ${[...(names.get(id) ?? [])]}::text[])
          ON CONFLICT (tenantId, dimension, day) DO UPDATE SET keys = excluded.keys`)
      }
    },
  }
}

/** Forgets buckets of 5 minutes that nobody looks at any more. */
export const forgetFine = (tx: Transaction, now: number, limit: number): Promise<number> =>
  tx.run(
    sql`DELETE FROM report_series WHERE ctid = ANY(ARRAY(SELECT ctid FROM report_series
      WHERE size = 300000 AND time < ${now - FINE_MS - BUCKET_MS['1h']} LIMIT ${limit} FOR UPDATE SKIP LOCKED))`,
  )

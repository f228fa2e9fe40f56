import type { Database } from '#shared/database.ts'
import type { CollectorConfig } from '../config.ts'
import { BUCKET_MS, createSeriesTally, FINE_MS, OTHER, type Counted, type SeriesChange } from './series-tally.ts'

export type Series = ReturnType<typeof createSeries>

/**
 * Counts of reports by time, rule and policy version, kept in the transaction of every change. Who has a row in a bucket is
 * decided once: what was counted under the common name stays there, so that taking it away again finds it.
 */
export function createSeries(db: Database, { TIMELINE_NAMES_MAX }: Pick<CollectorConfig, 'TIMELINE_NAMES_MAX'>) {
  const keys = '(tenantId, dimension, name, size, time) = (:tenantId, :dimension, :name, :size, :time)'
  const change = db.prepare<[SeriesChange]>(
    `UPDATE report_series SET none = none + :none, info = info + :info, warn = warn + :warn, block = block + :block
     WHERE ${keys}`,
  )
  const insert = db.prepare<[SeriesChange]>(
    'INSERT INTO report_series VALUES (:tenantId, :dimension, :name, :size, :time, :none, :info, :warn, :block)',
  )
  const removeEmpty = db.prepare<[SeriesChange]>(
    `DELETE FROM report_series WHERE ${keys} AND none = 0 AND info = 0 AND warn = 0 AND block = 0`,
  )
  // A name that goes keeps its place: none that is counted in common gets one later.
  const admit = db.prepare<[SeriesChange & { max: number }]>(
    `INSERT INTO series_buckets VALUES (:tenantId, :dimension, :size, :time, 1)
     ON CONFLICT DO UPDATE SET names = names + 1 WHERE names < :max`,
  )
  const fine = BUCKET_MS['5m']
  const forgetSeries = db.prepare<[number, number]>(
    `DELETE FROM report_series WHERE (tenantId, dimension, name, size, time) IN
       (SELECT tenantId, dimension, name, size, time FROM report_series WHERE size = ${fine} AND time < ? LIMIT ?)`,
  )
  const forgetBuckets = db.prepare<[number, number]>(
    `DELETE FROM series_buckets WHERE (tenantId, dimension, size, time) IN
       (SELECT tenantId, dimension, size, time FROM series_buckets WHERE size = ${fine} AND time < ? LIMIT ?)`,
  )

  function add(given: SeriesChange): void {
    if (change.run(given).changes === 1) return
    if (given.dimension === 'all' || admit.run({ ...given, max: TIMELINE_NAMES_MAX }).changes === 1) {
      insert.run(given)
      return
    }
    const other = { ...given, name: OTHER }
    if (change.run(other).changes === 0) insert.run(other)
  }

  function takeAway(given: SeriesChange): void {
    const isCounted = change.run(given).changes === 1
    const counted = isCounted || given.dimension === 'all' ? given : { ...given, name: OTHER }
    if (!isCounted) change.run(counted)
    removeEmpty.run(counted)
  }

  return {
    /** Counts gathered in one write, which only adds reports or only takes some away; `apply` stores them. */
    tally() {
      const { count, changes } = createSeriesTally(Date.now())
      return {
        add: (report: Counted) => count(report, 1),
        remove: (report: Counted) => count(report, -1),
        apply(): void {
          for (const one of changes()) {
            if (one.none + one.info + one.warn + one.block > 0) add(one)
            else takeAway(one)
          }
        },
      }
    },
    /** Forgets buckets of 5 minutes that nobody looks at any more, at most `limit`; @returns how many at most of one kind */
    forgetFine(now: number, limit: number): number {
      const before = now - FINE_MS - BUCKET_MS['1h']
      return Math.max(forgetSeries.run(before, limit).changes, forgetBuckets.run(before, limit).changes)
    },
  }
}

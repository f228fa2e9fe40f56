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
  const removeFine = db.prepare<[number, number, number]>(
    `DELETE FROM report_series WHERE (tenantId, dimension, name, size, time) IN (
       SELECT s.tenantId, s.dimension, s.name, s.size, s.time FROM series_buckets b JOIN report_series s
         ON (s.tenantId, s.dimension, s.size, s.time) = (b.tenantId, b.dimension, b.size, b.time)
       WHERE b.size = ? AND b.time < ? LIMIT ?)`,
  )

  function add(given: SeriesChange): void {
    if (change.run(given).changes === 1) return
    const { dimension, none, info, warn, block } = given
    const isMore = none + info + warn + block > 0
    if (dimension === 'all') {
      if (isMore) insert.run(given)
      return
    }
    if (isMore && admit.run({ ...given, max: TIMELINE_NAMES_MAX }).changes === 1) return void insert.run(given)
    const other = { ...given, name: OTHER }
    if (change.run(other).changes === 0 && isMore) insert.run(other)
    else if (!isMore) removeEmpty.run(other)
  }

  return { removeFine, add, createSeriesTally, BUCKET_MS, FINE_MS, removeEmpty }
}
export type { Counted }

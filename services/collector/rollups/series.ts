import type { Database } from '#shared/database.ts'
import type { CollectorConfig } from '../config.ts'
import { BUCKET_MS, createSeriesTally, FINE_MS, OTHER, type Counted, type SeriesChange } from './series-tally.ts'

export type Series = ReturnType<typeof createSeries>

/**
 * Counts of reports by time, rule and policy version: of those in full blocks, changed with them; the few others are counted when
 * somebody looks. Who has a row in a bucket is
 * decided once: what was counted under the common name stays there, so that taking it away again finds it.
 */
export function createSeries(db: Database, { TIMELINE_NAMES_MAX }: Pick<CollectorConfig, 'TIMELINE_NAMES_MAX'>) {
  const change = db.prepare(
    `UPDATE report_series SET none = none + ?, info = info + ?, warn = warn + ?, block = block + ?
     WHERE (tenantId, dimension, name, size, time) = (?, ?, ?, ?, ?)`,
  )
  const insert = db.prepare(
    `INSERT INTO report_series (none, info, warn, block, tenantId, dimension, name, size, time)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const removeEmpty = db.prepare(
    `DELETE FROM report_series WHERE (tenantId, dimension, name, size, time) = (?, ?, ?, ?, ?)
       AND none = 0 AND info = 0 AND warn = 0 AND block = 0`,
  )
  // A name that goes keeps its place: none that is counted in common gets one later.
  const admit = db.prepare(
    `INSERT INTO series_buckets VALUES (?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET names = names + 1 WHERE names < ?`,
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

  const keyOf = ({ tenantId, dimension, name, size, time }: SeriesChange) => [tenantId, dimension, name, size, time]
  const countsOf = ({ none, info, warn, block }: SeriesChange) => [none, info, warn, block]
  const isChanged = (given: SeriesChange) => change.run(...countsOf(given), ...keyOf(given)).changes === 1
  const isAdmitted = ({ tenantId, dimension, size, time }: SeriesChange) =>
    dimension === 'all' || admit.run(tenantId, dimension, size, time, TIMELINE_NAMES_MAX).changes === 1

  function add(given: SeriesChange): void {
    if (isChanged(given)) return
    if (isAdmitted(given)) return void insert.run(...countsOf(given), ...keyOf(given))
    const other = { ...given, name: OTHER }
    if (!isChanged(other)) insert.run(...countsOf(other), ...keyOf(other))
  }

  function takeAway(given: SeriesChange): void {
    const isOwn = isChanged(given)
    const counted = isOwn ? given : { ...given, name: OTHER }
    if (!isOwn && given.dimension !== 'all') isChanged(counted)
    removeEmpty.run(...keyOf(counted))
  }

  function store(changes: readonly SeriesChange[]): void {
    for (const one of changes) {
      if (one.none + one.info + one.warn + one.block > 0) add(one)
      else takeAway(one)
    }
  }

  return {
    /** Counts of one write; it only adds reports or only takes some away. */
    tally() {
      const { add: count, changes } = createSeriesTally(Date.now())
      const countAll = (report: Counted, by: number) => {
        const { severity, policyVersion, rules } = report
        count(report, 'all', '', severity, by)
        if (policyVersion !== undefined) count(report, 'policy_version', policyVersion, severity, by)
        for (const [rule, worst] of rules) count(report, 'rule', rule, worst, by)
      }
      return {
        add: countAll,
        remove: (report: Counted) => countAll(report, -1),
        apply: () => store(changes()),
      }
    },
    /** Forgets buckets of 5 minutes that nobody looks at any more, at most `limit`; @returns how many at most of one kind */
    forgetFine(now: number, limit: number): number {
      const before = now - FINE_MS - BUCKET_MS['1h']
      return Math.max(forgetSeries.run(before, limit).changes, forgetBuckets.run(before, limit).changes)
    },
  }
}

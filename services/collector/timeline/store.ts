import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Severity } from '../ingest/severity.ts'
import { BUCKET_MS, type Counted, type Dimension } from '../rollups/series-tally.ts'
import { BLOCK_REPORTS } from '../search/bits.ts'
import { termsIn, type SearchRow } from '../search/blocks.ts'
import { countedBy, type Term } from '../search/terms.ts'
import { merged, type NamedBucket } from './series.ts'
import type { Bucket, Range } from './window.ts'

export type TimelineStore = ReturnType<typeof createTimelineStore>

const COUNTS = 'none + info AS info, warn, block'

export function createTimelineStore(db: Database) {
  const hours = db
    .prepare<[string, number, number], readonly [time: number, severity: Severity | 'none', reports: number]>(
      'SELECT time, severity, reports FROM report_hours WHERE tenantId = ? AND time BETWEEN ? AND ?',
    )
    .raw()
  const ofName = db.prepare<[string, string, string, number, number, number], NamedBucket>(
    `SELECT name, time, ${COUNTS} FROM report_series
     WHERE tenantId = ? AND dimension = ? AND name = ? AND size = ? AND time BETWEEN ? AND ?`,
  )
  // Each step of the recursion is one seek: the names are far fewer than the rows.
  const ofAll = db.prepare<[string, string, string, string, string, string, number, number, number], NamedBucket>(
    `WITH RECURSIVE names (name) AS (
       SELECT min(name) FROM report_series WHERE tenantId = ? AND dimension = ?
       UNION ALL
       SELECT (SELECT min(name) FROM report_series WHERE tenantId = ? AND dimension = ? AND name > names.name)
       FROM names WHERE name IS NOT NULL
     )
     SELECT name, time, ${COUNTS} FROM names CROSS JOIN report_series USING (name)
     WHERE tenantId = ? AND dimension = ? AND size = ? AND time BETWEEN ? AND ?`,
  )
  const pendingRows = db.prepare<[string], SearchRow>(
    `SELECT * FROM search_reports
     WHERE seq >= (SELECT nextBlock FROM report_order) * ${BLOCK_REPORTS} AND tenantId = ?`,
  )
  const term = db.prepare<[number], Term>('SELECT kind, name, value FROM search_terms WHERE id = ?')

  /** What reports count by that are in no bucket yet: those of the block that is filling. */
  function pending(tenantId: Tenant, { size, first, last }: Range): Counted[] {
    const terms = new Map<number, Term | undefined>()
    const termOf = (id: number) => {
      if (!terms.has(id)) terms.set(id, term.get(id))
      return terms.get(id)
    }
    return pendingRows
      .all(tenantId)
      .filter(({ createdAt }) => createdAt >= first && createdAt < last + size)
      .map((row) => countedBy(row, termsIn(row).map(termOf)))
  }

  function bucketOf(name: string, severity: Counted['severity'], createdAt: number, { size }: Range): NamedBucket {
    const bucket = { name, time: Math.floor(createdAt / size) * size, info: 0, warn: 0, block: 0 }
    bucket[severity ?? 'info']++
    return bucket
  }

  function pendingBuckets(tenantId: Tenant, dimension: Dimension, range: Range): NamedBucket[] {
    return pending(tenantId, range).flatMap(({ createdAt, severity, policyVersion, rules }) => {
      if (dimension === 'rule') return [...rules].map(([rule, worst]) => bucketOf(rule, worst, createdAt, range))
      return policyVersion === undefined ? [] : [bucketOf(policyVersion, severity, createdAt, range)]
    })
  }

  /** The rows of an hour follow one another; adding them up here costs half of what SQLite's aggregates do. */
  function hourly(tenantId: Tenant, { first, last }: Range): Bucket[] {
    const buckets: Bucket[] = []
    let bucket: Bucket | undefined
    for (const [time, severity, reports] of hours.all(tenantId, first, last)) {
      if (bucket?.time !== time) buckets.push((bucket = { time, info: 0, warn: 0, block: 0 }))
      bucket[severity === 'none' ? 'info' : severity] += reports
    }
    return buckets
  }

  return {
    /** The buckets of a range in which there is a report. */
    totals: db.transaction((tenantId: Tenant, range: Range): Bucket[] => {
      const { size, first, last } = range
      if (size === BUCKET_MS['1h']) return hourly(tenantId, range)
      const waiting = pending(tenantId, range).map(({ createdAt, severity }) =>
        bucketOf('', severity, createdAt, range),
      )
      return merged([...ofName.all(tenantId, 'all', '', size, first, last), ...waiting])
    }) as (tenantId: Tenant, range: Range) => Bucket[],
    /** The same of one name; under '' comes what was counted in common, in which it may be, too. */
    named: db.transaction((tenantId: Tenant, dimension: Dimension, name: string, range: Range): NamedBucket[] => {
      const { size, first, last } = range
      const waiting = pendingBuckets(tenantId, dimension, range).filter((bucket) => bucket.name === name)
      const common = ofName.all(tenantId, dimension, '', size, first, last)
      return merged([...ofName.all(tenantId, dimension, name, size, first, last), ...waiting, ...common])
    }) as (tenantId: Tenant, dimension: Dimension, name: string, range: Range) => NamedBucket[],
    /** The same of every name. */
    by: db.transaction((tenantId: Tenant, dimension: Dimension, range: Range): NamedBucket[] => {
      const { size, first, last } = range
      const whose = [tenantId, dimension] as const
      const stored = ofAll.all(...whose, ...whose, ...whose, size, first, last)
      return merged([...stored, ...pendingBuckets(tenantId, dimension, range)])
    }) as (tenantId: Tenant, dimension: Dimension, range: Range) => NamedBucket[],
  }
}

import type { Tenant } from '#shared/scope.ts'
import type { Access } from '../postgres/pool.ts'
import { notYet } from '../postgres/not-yet.ts'
import { sql } from '../postgres/sql.ts'
import { BUCKET_MS } from '../rollups/series-tally.ts'
import type { NamedBucket } from './series.ts'
import type { Bucket, Range } from './window.ts'

/** The store of the timeline on PostgreSQL; see store.ts. */
export const createPostgresTimeline = ({ of }: Access) => ({
  totals(tenantId: Tenant, { size, first, last }: Range): Promise<Bucket[]> {
    if (size !== BUCKET_MS['1h']) throw notYet('buckets')
    return of(tenantId).all<Bucket>(
      sql`SELECT time,
          coalesce(sum(reports) FILTER (WHERE severity IN ('info', 'none')), 0) AS info,
          coalesce(sum(reports) FILTER (WHERE severity = 'warn'), 0) AS warn,
          coalesce(sum(reports) FILTER (WHERE severity = 'block'), 0) AS block
        FROM report_hours WHERE tenantId = ${tenantId} AND time BETWEEN ${first} AND ${last} GROUP BY time`,
    )
  },
  named(): Promise<NamedBucket[]> {
    throw notYet('series')
  },
  by(): Promise<NamedBucket[]> {
    throw notYet('series')
  },
})

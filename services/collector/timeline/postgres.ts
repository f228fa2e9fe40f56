import type { Tenant } from '#shared/scope.ts'
import type { Access } from '../postgres/pool.ts'
import { sql } from '../postgres/sql.ts'
import { keyOf } from '../rollups/postgres-series.ts'
import { BUCKET_MS, OTHER, type Dimension } from '../rollups/series-tally.ts'
import type { NamedBucket } from './series.ts'
import type { Bucket, Range } from './window.ts'

/** The store of the timeline on PostgreSQL; see store.ts. */
export const createPostgresTimeline = ({ of }: Access) => ({
  totals(tenantId: Tenant, { size, first, last }: Range): Promise<Bucket[]> {
    if (size !== BUCKET_MS['1h']) {
      return of(tenantId).all<Bucket>(
        sql`SELECT time, sum(none + info) AS info, sum(warn) AS warn, sum(block) AS block FROM report_series
          WHERE tenantId = ${tenantId} AND dimension = 'all' AND key = '' AND size = ${size}
            AND time BETWEEN ${first} AND ${last} GROUP BY time`,
      )
    }
    return of(tenantId).all<Bucket>(
      sql`SELECT time,
          coalesce(sum(reports) FILTER (WHERE severity IN ('info', 'none')), 0) AS info,
          coalesce(sum(reports) FILTER (WHERE severity = 'warn'), 0) AS warn,
          coalesce(sum(reports) FILTER (WHERE severity = 'block'), 0) AS block
        FROM report_hours WHERE tenantId = ${tenantId} AND time BETWEEN ${first} AND ${last} GROUP BY time`,
    )
  },
  named: (tenantId: Tenant, dimension: Dimension, name: string, { size, first, last }: Range): Promise<NamedBucket[]> =>
    of(tenantId).all<NamedBucket>(
      sql`SELECT CASE key WHEN '' THEN '' ELSE ${name} END AS name, time, sum(none + info) AS info, sum(warn) AS warn,
          sum(block) AS block
        FROM report_series WHERE tenantId = ${tenantId} AND dimension = ${dimension} AND key IN (${keyOf(name)}, ${OTHER})
          AND size = ${size} AND time BETWEEN ${first} AND ${last} GROUP BY key, time
        HAVING sum(none + info + warn + block) <> 0`,
    ),
  by: (tenantId: Tenant, dimension: Dimension, { size, first, last }: Range): Promise<NamedBucket[]> =>
    of(tenantId).all<NamedBucket>(
      sql`SELECT min(name) AS name, time, sum(none + info) AS info, sum(warn) AS warn, sum(block) AS block
        FROM report_series WHERE tenantId = ${tenantId} AND dimension = ${dimension} AND size = ${size}
          AND time BETWEEN ${first} AND ${last} GROUP BY key, time HAVING sum(none + info + warn + block) <> 0`,
    ),
})

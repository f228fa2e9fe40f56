import type { Tenant } from '#shared/scope.ts'
import type { Access } from '../postgres/pool.ts'
import { sql } from '../postgres/sql.ts'
import { windowOf, type Bucket } from './store.ts'

/** The store of the timeline on PostgreSQL; see store.ts. */
export const createPostgresTimeline = ({ of }: Access) => ({
  async buckets(tenantId: Tenant, hours: number, now: number): Promise<Bucket[]> {
    const { first, last, fill } = windowOf(hours, now)
    const found = await of(tenantId).all<Bucket>(
      sql`SELECT time,
          coalesce(sum(reports) FILTER (WHERE severity IN ('info', 'none')), 0) AS info,
          coalesce(sum(reports) FILTER (WHERE severity = 'warn'), 0) AS warn,
          coalesce(sum(reports) FILTER (WHERE severity = 'block'), 0) AS block
        FROM report_hours WHERE tenantId = ${tenantId} AND time BETWEEN ${first} AND ${last} GROUP BY time`,
    )
    return fill(found)
  },
})

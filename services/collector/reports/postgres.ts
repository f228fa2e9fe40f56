import type { Tenant } from '#shared/scope.ts'
import { timeOfId } from '../postgres/partitions.ts'
import type { Access } from '../postgres/pool.ts'
import { columns, sql, type Statement } from '../postgres/sql.ts'
import { createPostgresListing } from './postgres-listing.ts'
import type { ScannedReport, StoredReport } from './store.ts'

const WHOLE = columns(
  ...['id', 'tenantId', 'createdAt', 'updatedAt', 'severity', 'policyVersion', 'markdown', 'report', 'errors', 'seq'],
)

/** The report with this id; it says in which month to look. */
export const withId = (id: string): Statement => sql`createdAt = ${timeOfId(id) ?? -1} AND id = ${id}`

/** The store of reports on PostgreSQL; see store.ts. */
export function createPostgresReports({ of, everyTenant }: Access) {
  return {
    list: createPostgresListing({ of }),
    get: (tenantId: Tenant, id: string) =>
      of(tenantId).first<StoredReport>(
        sql`SELECT ${WHOLE} FROM reports WHERE ${withId(id)} AND tenantId = ${tenantId}`,
      ),
    scan: (
      tenantId: Tenant,
      { since, until }: { since: number; until: number },
      limit: number,
      [createdAt, seq]: readonly [number, number] = [since - 1, Number.MAX_SAFE_INTEGER],
    ) =>
      of(tenantId).all<ScannedReport>(
        sql`SELECT ${WHOLE} FROM reports WHERE tenantId = ${tenantId} AND createdAt <= ${until}
          AND (createdAt, seq) > (${createdAt}, ${seq}) ORDER BY createdAt, seq LIMIT ${limit}`,
      ),
    /** Of any tenant's report: who tries a link has not said yet whose it is. */
    ownerOf: async (id: string) =>
      (await everyTenant.first<{ tenant: Tenant }>(sql`SELECT tenantId AS tenant FROM reports WHERE ${withId(id)}`))
        ?.tenant,
  }
}

import type { Tenant } from '#shared/scope.ts'
import type { Access } from '../postgres/pool.ts'
import { and, columns, sql, type Statement } from '../postgres/sql.ts'
import type { ReportRow } from '../reports/list.ts'
import { arrivalOf, type ArrivalFilter, type ArrivalPage } from './arrivals.ts'

const LISTED = columns('id', 'createdAt', 'updatedAt', 'severity', 'policyVersion', 'quarantined', 'seq')

/** Reports of a tenant after a place in the order of arrival, at most `limit`; reports_by_arrival has them in their order. */
export function arrivalsAfter(
  tenantId: Tenant,
  after: number,
  limit: number,
  { severity, state }: ArrivalFilter = {},
): Statement {
  const wanted = and(
    sql`tenantId = ${tenantId}`,
    sql`seq > ${after}`,
    ...(severity === undefined ? [] : [severity === 'none' ? sql`severity IS NULL` : sql`severity = ${severity}`]),
    ...(state === undefined ? [] : [sql`quarantined = ${state === 'quarantined' ? 1 : 0}`]),
  )
  return sql`SELECT ${LISTED} FROM reports WHERE ${wanted} ORDER BY seq LIMIT ${limit}`
}

/**
 * Arrivals on PostgreSQL; see arrivals.ts. Who stores reports of a tenant holds its lock from before the numbers are given until
 * the commit: a report that has a later number is not seen earlier, whichever replica stored it.
 */
export const createPostgresArrivals = ({ of }: Access) => ({
  last: async (tenantId: Tenant): Promise<number> =>
    (
      await of(tenantId).first<{ last: number }>(
        sql`SELECT coalesce(max(seq), 0) AS last FROM reports WHERE tenantId = ${tenantId}`,
      )
    )?.last ?? 0,
  after: async (tenantId: Tenant, after: number, limit: number, filter?: ArrivalFilter): Promise<ArrivalPage> => {
    const rows = await of(tenantId).all<ReportRow>(arrivalsAfter(tenantId, after, limit, filter))
    return { arrivals: rows.map(arrivalOf), place: rows.at(-1)?.seq ?? after, isLast: rows.length < limit }
  },
})

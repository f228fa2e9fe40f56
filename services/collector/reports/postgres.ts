import type { Tenant } from '#shared/scope.ts'
import { timeOfId } from '../postgres/partitions.ts'
import type { Access } from '../postgres/pool.ts'
import { and, columns, sql, type Statement } from '../postgres/sql.ts'
import { itemOf, type Listed, type PageStart, type ReportFilter, type ReportRow } from './list.ts'
import type { ScannedReport, StoredReport } from './store.ts'

const LISTED = columns('id', 'createdAt', 'updatedAt', 'severity', 'policyVersion', 'quarantined', 'seq')
const WHOLE = columns(
  ...['id', 'tenantId', 'createdAt', 'updatedAt', 'severity', 'policyVersion', 'markdown', 'report', 'errors', 'seq'],
)

/** The report with this id; it says in which month to look. */
export const withId = (id: string): Statement => sql`createdAt = ${timeOfId(id) ?? -1} AND id = ${id}`

/** Conditions by the filter's member; each is served by an index. */
const CONDITIONS: {
  [K in 'state' | 'severity' | 'policy_version' | 'since' | 'until']: (value: NonNullable<ReportFilter[K]>) => Statement
} = {
  state: (state) => sql`quarantined = ${state === 'quarantined' ? 1 : 0}`,
  severity: (severity) => sql`severity = ${severity}`,
  policy_version: (version) => sql`policyVersion = ${version}`,
  since: (time) => sql`createdAt >= ${time}`,
  until: (time) => sql`createdAt <= ${time}`,
}

function conditionOf(tenantId: Tenant, filter: ReportFilter): Statement {
  const conditions = (Object.keys(CONDITIONS) as (keyof typeof CONDITIONS)[]).map((member) => {
    const value = filter[member]
    return value === undefined ? undefined : (CONDITIONS[member] as (value: unknown) => Statement)(value)
  })
  return and(sql`tenantId = ${tenantId}`, ...conditions)
}

/** The store of reports on PostgreSQL; see store.ts. */
export function createPostgresReports({ of, everyTenant }: Access) {
  return {
    async list(tenantId: Tenant, filter: ReportFilter, { limit, offset, after }: PageStart): Promise<Listed> {
      const where = conditionOf(tenantId, filter)
      // Most ask for what is counted by the writes.
      const isKept = Object.entries(filter).every(
        ([member, value]) => value === undefined || member === 'severity' || member === 'state',
      )
      const counted = isKept
        ? of(tenantId).first<{ n: number }>(
            sql`SELECT coalesce(sum(reports), 0) AS n FROM report_counts WHERE ${where}`,
          )
        : of(tenantId).first<{ n: number }>(sql`SELECT count(*) AS n FROM reports WHERE ${where}`)
      const place = after === undefined ? undefined : sql`(createdAt, seq) < (${after[0]}, ${after[1]})`
      const paged = of(tenantId).all<ReportRow>(
        sql`SELECT ${LISTED} FROM reports WHERE ${and(where, place)} ORDER BY createdAt DESC, seq DESC
          LIMIT ${limit + 1} OFFSET ${after === undefined ? offset : 0}`,
      )
      const [total, rows] = await Promise.all([counted, paged])
      const last = rows.length > limit ? (rows[limit - 1] as ReportRow) : undefined
      return {
        reports: rows.slice(0, limit).map(itemOf),
        totalCount: total?.n ?? 0,
        ...(last === undefined ? {} : { next: [last.createdAt, last.seq] }),
      }
    },
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

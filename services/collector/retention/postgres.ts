import type { Tenant } from '#shared/scope.ts'
import type { Access, Queries } from '../postgres/pool.ts'
import { columns, raw, sql, type Statement } from '../postgres/sql.ts'
import type { Place } from './archive/write.ts'
import type { ClockMark } from './clock.ts'
import { NOT_HELD } from './holds/postgres.ts'
import { policyOfRow, runOf, SCHEDULE, type OldReport, type PolicyRow, type RunRow, type Weighed } from './store.ts'

const RUN = columns(
  ...['seq', 'state', 'requestedBy', 'forcedClock', 'retainDays', 'cutoffTime', 'startedAt', 'finishedAt', 'archived'],
  ...['deleted', 'kept', 'reportBytes', 'archiveBytes', 'freedBytes', 'files', 'error'],
)
const WHOLE = columns(
  ...['seq', 'id', 'createdAt', 'updatedAt', 'severity', 'policyVersion', 'schemaName', 'labels', 'markdown'],
  ...['quarantined', 'errors', 'report'],
)
const BYTES = raw('octet_length(report) + coalesce(octet_length(markdown), 0)')

const before = (tenantId: Tenant, cutoff: number, [createdAt, seq]: Place): Statement =>
  sql`tenantId = ${tenantId} AND createdAt < ${cutoff} AND (createdAt, seq) > (${createdAt}, ${seq})`

/** The runs of a tenant, newest first; also within a write. */
export async function runsIn(queries: Queries, tenantId: Tenant, limit: number, earlier = Number.MAX_SAFE_INTEGER) {
  const rows = await queries.all<RunRow>(
    sql`SELECT ${RUN} FROM retention_runs WHERE tenantId = ${tenantId} AND seq < ${earlier}
      ORDER BY seq DESC LIMIT ${limit + 1}`,
  )
  const runs = rows.map(runOf)
  const last = runs.length > limit ? runs[limit - 1] : undefined
  return { runs: runs.slice(0, limit), ...(last === undefined ? {} : { next: [last.seq] as const }) }
}

export const lastScheduledIn = async (queries: Queries, tenantId: Tenant): Promise<number | undefined> =>
  (
    await queries.first<{ at: number }>(
      sql`SELECT startedAt AS at FROM retention_runs WHERE tenantId = ${tenantId} AND requestedBy = ${SCHEDULE}
        ORDER BY seq DESC LIMIT 1`,
    )
  )?.at

/** What retention reads on PostgreSQL; see store.ts. */
export const createPostgresRetention = ({ of, everyTenant }: Access) => ({
  async policy(tenantId: Tenant) {
    const names = columns('retainDays', 'archive', 'updatedAt', 'updatedBy')
    const row = await of(tenantId).first<PolicyRow>(sql`SELECT ${names} FROM retention WHERE tenantId = ${tenantId}`)
    return row === undefined ? undefined : policyOfRow(row)
  },
  tenants: async (): Promise<Tenant[]> =>
    (await everyTenant.all<{ tenant: Tenant }>(sql`SELECT DISTINCT tenantId AS tenant FROM report_counts`)).map(
      ({ tenant }) => tenant,
    ),
  old: (tenantId: Tenant, cutoff: number, after: Place, limit: number, maxBytes: number) =>
    of(tenantId).all<OldReport>(
      sql`SELECT ${WHOLE} FROM (
          SELECT *, sum(bytes) OVER (ORDER BY createdAt, seq) - bytes AS earlier FROM (
            SELECT *, ${BYTES} AS bytes FROM reports WHERE ${before(tenantId, cutoff, after)} AND ${NOT_HELD}
            ORDER BY createdAt, seq LIMIT ${limit}
          ) AS page
        ) AS weighed WHERE earlier <= ${Number.isFinite(maxBytes) ? maxBytes : Number.MAX_SAFE_INTEGER}
        ORDER BY createdAt, seq`,
    ),
  byIds: (tenantId: Tenant, ids: readonly string[]) =>
    of(tenantId).all<OldReport>(
      sql`SELECT ${WHOLE} FROM reports WHERE tenantId = ${tenantId} AND ${NOT_HELD} AND (createdAt, id) IN
        (SELECT split_part(given.id, '-', 2)::bigint, given.id FROM unnest(${ids}::text[]) AS given (id))`,
    ),
  weigh: (tenantId: Tenant, cutoff: number, after: Place, limit: number) =>
    of(tenantId).all<Weighed>(
      sql`SELECT seq, createdAt AS "createdAt", ${BYTES} AS bytes, NOT (${NOT_HELD}) AS held FROM reports
        WHERE ${before(tenantId, cutoff, after)} ORDER BY createdAt, seq LIMIT ${limit}`,
    ),
  newest: async (tenantId: Tenant): Promise<number | undefined> =>
    (
      await of(tenantId).first<{ at: number | null }>(
        sql`SELECT max(createdAt) AS at FROM reports WHERE tenantId = ${tenantId}`,
      )
    )?.at ?? undefined,
  runs: (tenantId: Tenant, limit: number, earlier?: number) => runsIn(of(tenantId), tenantId, limit, earlier),
  lastScheduled: (tenantId: Tenant) => lastScheduledIn(of(tenantId), tenantId),
  isRunning: async (): Promise<boolean> =>
    (await everyTenant.first(sql`SELECT 1 FROM retention_runs WHERE state = 'running' LIMIT 1`)) !== undefined,
  marks: (tenantId: Tenant) =>
    of(tenantId).all<ClockMark>(
      sql`SELECT boot, now, uptime, alive, accepted FROM retention_clock WHERE tenantId = ${tenantId}`,
    ),
})

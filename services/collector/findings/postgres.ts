import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import { removeSome } from '../postgres/bulk.ts'
import type { Access } from '../postgres/pool.ts'
import { and, columns, sql, type Statement } from '../postgres/sql.ts'
import type { Transaction } from '../postgres/transaction.ts'
import { noSuchFinding } from './mute.ts'
import { FINDING_COLUMNS } from './record.ts'
import type { FindingFilter } from './schema.ts'
import { itemOf, type FindingRow, type HistoryEntry, type Mute } from './store.ts'

const WHOLE = columns(...FINDING_COLUMNS, 'mutedReason', 'mutedUntil', 'mutedBy')

type Conditions = {
  [K in keyof FindingFilter]-?: (value: NonNullable<FindingFilter[K]>, now: number, flaky: number) => Statement
}

/** Conditions by the filter's member. */
const CONDITIONS: Conditions = {
  state: (state) => (state === 'open' ? sql`state IN ('open', 'reopened')` : sql`state = ${state}`),
  rule: (rule) => sql`rule = ${rule}`,
  target: (target) => sql`target = ${target}`,
  severity: (severity) => sql`severity = ${severity}`,
  flaky: (flaky, _now, changes) => sql`(changes >= ${changes}) = ${flaky}`,
  muted: (muted, now) => sql`(coalesce(mutedUntil, 0) > ${now}) = ${muted}`,
  since: (time) => sql`lastSeen >= ${time}`,
  until: (time) => sql`lastSeen <= ${time}`,
}

/** The store of findings on PostgreSQL; see store.ts. */
export function createPostgresFindings({ of }: Access, flakyChanges: number) {
  return {
    async list(
      tenantId: Tenant,
      filter: FindingFilter,
      limit: number,
      now: number,
      [lastSeen, fingerprint]: readonly [number, string] = [Number.MAX_SAFE_INTEGER, ''],
    ) {
      const members = (Object.keys(CONDITIONS) as (keyof FindingFilter)[]).filter((name) => filter[name] !== undefined)
      const where = and(
        sql`tenantId = ${tenantId}`,
        ...members.map((name) =>
          (CONDITIONS[name] as (value: unknown, ...rest: number[]) => Statement)(filter[name], now, flakyChanges),
        ),
      )
      const [count, rows] = await Promise.all([
        of(tenantId).first<{ n: number }>(sql`SELECT count(*) AS n FROM findings WHERE ${where}`),
        of(tenantId).all<FindingRow>(
          sql`SELECT ${WHOLE} FROM findings WHERE ${where} AND (lastSeen, fingerprint) < (${lastSeen}, ${fingerprint})
            ORDER BY lastSeen DESC, fingerprint DESC LIMIT ${limit + 1}`,
        ),
      ])
      const last = rows.length > limit ? (rows[limit - 1] as FindingRow) : undefined
      return {
        findings: rows.slice(0, limit).map((row) => itemOf(row, now, flakyChanges)),
        totalCount: count?.n ?? 0,
        ...(last === undefined ? {} : { next: [last.lastSeen, last.fingerprint] as const }),
      }
    },
    async get(tenantId: Tenant, fingerprint: string, now: number) {
      const row = await of(tenantId).first<FindingRow>(
        sql`SELECT ${WHOLE} FROM findings WHERE tenantId = ${tenantId} AND fingerprint = ${fingerprint}`,
      )
      return row === undefined ? undefined : itemOf(row, now, flakyChanges)
    },
    async history(tenantId: Tenant, fingerprint: string, limit: number, before = Number.MAX_SAFE_INTEGER) {
      const rows = await of(tenantId).all<HistoryEntry & { seq: number }>(
        sql`SELECT ${columns('at', 'event', 'verdict', 'reportId', 'seq')} FROM finding_events
          WHERE tenantId = ${tenantId} AND fingerprint = ${fingerprint} AND seq < ${before}
          ORDER BY seq DESC LIMIT ${limit + 1}`,
      )
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return {
        history: rows.slice(0, limit).map(({ seq: _seq, ...entry }) => entry),
        ...(last === undefined ? {} : { next: [last.seq] as const }),
      }
    },
  }
}

/** Mutes a finding, or ends that when there is no mute; the answer is the finding. @throws Problem not-found */
export const createPostgresMuting =
  (flakyChanges: number) =>
  async (
    tx: Transaction,
    tenantId: Tenant,
    fingerprint: string,
    mute: Mute | undefined,
    now: number,
  ): Promise<Answer> => {
    const { reason = null, until = null, by = null } = mute ?? {}
    const row = await tx.first<FindingRow>(
      sql`UPDATE findings SET mutedReason = ${reason}, mutedUntil = ${until}, mutedBy = ${by}
        WHERE tenantId = ${tenantId} AND fingerprint = ${fingerprint} RETURNING ${WHOLE}`,
    )
    if (row === undefined) throw noSuchFinding()
    return { status: 200, body: itemOf(row, now, flakyChanges) }
  }

/** Deletes at most `limit` findings and as many events that are older than `cutoff`; @returns how many at most of one kind */
export async function removeFindingsBefore(
  tx: Transaction,
  tenantId: Tenant,
  cutoff: number,
  limit: number,
): Promise<number> {
  const gone = removeSome(
    'findings',
    'tenantId, fingerprint',
    sql`tenantId = ${tenantId} AND lastSeen < ${cutoff} ORDER BY lastSeen`,
    limit,
  )
  const [events, findings] = await tx.together(
    removeSome('finding_events', 'seq', sql`tenantId = ${tenantId} AND at < ${cutoff} ORDER BY at`, limit),
    // With all that became of them.
    sql`WITH gone AS (${gone} RETURNING fingerprint),
        events AS (DELETE FROM finding_events WHERE tenantId = ${tenantId} AND fingerprint IN (SELECT fingerprint FROM gone))
      SELECT fingerprint FROM gone`,
  )
  return Math.max(events?.count ?? 0, findings?.count ?? 0)
}

import type { Tenant } from '#shared/scope.ts'
import { insertAll, removeSome, type Column } from '../postgres/bulk.ts'
import type { Access } from '../postgres/pool.ts'
import { and, columns, sql, type Statement } from '../postgres/sql.ts'
import type { Transaction } from '../postgres/transaction.ts'
import type { AuditFilter } from './schema.ts'
import { entryOf, type AuditEntry, type AuditRow } from './store.ts'

const COLUMNS: readonly Column<AuditEntry>[] = [
  { name: 'timestamp', type: 'bigint', of: ({ timestamp }) => timestamp },
  { name: 'method', type: 'text', of: ({ method }) => method },
  { name: 'path', type: 'text', of: ({ path }) => path },
  { name: 'tenantId', type: 'text', of: ({ tenantId }) => tenantId },
  { name: 'ip', type: 'text', of: ({ ip }) => ip },
  { name: 'userAgent', type: 'text', of: ({ userAgent }) => userAgent },
  { name: 'statusCode', type: 'integer', of: ({ statusCode }) => statusCode },
  { name: 'responseTime', type: 'double precision', of: ({ responseTime }) => responseTime },
  { name: 'securityEvent', type: 'text', of: ({ securityEvent }) => securityEvent },
  { name: 'actor', type: 'text', of: ({ actor }) => actor },
]
const LISTED = columns(...COLUMNS.map(({ name }) => name), 'seq')

/** The condition that a `security_event` stands for. */
function eventCondition(event: string | undefined): Statement | undefined {
  if (event === undefined) return undefined
  if (event === 'false') return sql`securityEvent IS NULL`
  return event === 'true' ? sql`securityEvent IS NOT NULL` : sql`securityEvent = ${event}`
}

/** The store of the audit log on PostgreSQL; see store.ts. */
export const createPostgresAudit = ({ of }: Access) => ({
  async list(tenantId: Tenant, filter: AuditFilter, limit: number, after?: readonly [number, number]) {
    const { start_time, end_time, security_event } = filter
    const where = and(
      sql`tenantId = ${tenantId}`,
      start_time === undefined ? undefined : sql`timestamp >= ${start_time}`,
      end_time === undefined ? undefined : sql`timestamp <= ${end_time}`,
      eventCondition(security_event),
      after === undefined ? undefined : sql`(timestamp, seq) < (${after[0]}, ${after[1]})`,
    )
    const rows = await of(tenantId).all<AuditRow>(
      sql`SELECT ${LISTED} FROM audit_log WHERE ${where} ORDER BY timestamp DESC, seq DESC LIMIT ${limit + 1}`,
    )
    const last = rows.length > limit ? (rows[limit - 1] as AuditRow) : undefined
    return {
      logs: rows.slice(0, limit).map(entryOf),
      ...(last === undefined ? {} : { next: [last.timestamp, last.seq] as const }),
    }
  },
})

/** Entries of all tenants that waited together. */
/** @param json AuditEntry[] */
export async function addAuditEntries(tx: Transaction, json: string): Promise<void> {
  const entries = JSON.parse(json) as AuditEntry[]
  if (entries.length > 0) tx.later(insertAll('audit_log', COLUMNS, entries))
}

/** Deletes at most `limit` entries from before `cutoff`, oldest first; @returns how many */
export const removeAuditBefore = (tx: Transaction, cutoff: number, limit: number): Promise<number> =>
  tx.run(removeSome('audit_log', 'seq', sql`timestamp < ${cutoff} ORDER BY seq`, limit))

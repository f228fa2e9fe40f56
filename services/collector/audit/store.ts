import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { AuditFilter } from './schema.ts'

export interface AuditEntry {
  /** Milliseconds since 1970. */
  timestamp: number
  method: string
  /** Without the query: it may hold a token. */
  path: string
  tenantId: string
  ip: string
  userAgent?: string
  statusCode: number
  /** Milliseconds. */
  responseTime: number
  securityEvent?: string
  /** The account, or else the credential; absent for who has proven neither, and for callers of other tenants. */
  actor?: string
}

export type AuditStore = ReturnType<typeof createAuditStore>

export type AuditRow = Omit<AuditEntry, 'userAgent' | 'securityEvent' | 'actor'> & {
  seq: number
  userAgent: string | null
  securityEvent: string | null
  actor: string | null
}

/** The condition that a `security_event` stands for. */
function eventCondition(event: string | undefined): string | undefined {
  if (event === undefined) return undefined
  if (event === 'false') return 'securityEvent IS NULL'
  return event === 'true' ? 'securityEvent IS NOT NULL' : 'securityEvent = :security_event'
}

export function createAuditStore(db: Database) {
  const insert = db.prepare(
    `INSERT INTO audit_log
       (timestamp, method, path, tenantId, ip, userAgent, statusCode, responseTime, securityEvent, actor)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  // Entries are written in the order of time, so the oldest come first by seq and no index by age is needed.
  const removeOld = db.prepare<[number, number]>(
    'DELETE FROM audit_log WHERE seq IN (SELECT seq FROM audit_log ORDER BY seq LIMIT ?) AND timestamp < ?',
  )
  const prepared = new Map<string, ReturnType<typeof prepare>>()
  const prepare = (where: string) =>
    db.prepare<[object], AuditRow>(
      `SELECT timestamp, method, path, tenantId, ip, userAgent, statusCode, responseTime, securityEvent, actor, seq
       FROM audit_log WHERE ${where} ORDER BY timestamp DESC, seq DESC LIMIT :limit`,
    )

  return {
    /** @param entries AuditEntry[] as JSON, which goes from thread to thread at a fraction of what objects cost */
    add(entries: string): void {
      for (const entry of JSON.parse(entries) as AuditEntry[]) {
        const { timestamp, method, path, tenantId, ip, userAgent, statusCode, responseTime, securityEvent, actor } =
          entry
        insert.run(timestamp, method, path, tenantId, ip, userAgent, statusCode, responseTime, securityEvent, actor)
      }
    },
    /** Deletes entries from before `cutoff` among the `limit` oldest; @returns how many */
    deleteBefore: (cutoff: number, limit: number): number => removeOld.run(limit, cutoff).changes,
    /**
     * A tenant's entries, newest first.
     * @param after timestamp and seq of the last entry of the page before
     */
    list(tenantId: Tenant, filter: AuditFilter, limit: number, after?: readonly [number, number]) {
      const where = [
        'tenantId = :tenantId',
        filter.start_time === undefined ? undefined : 'timestamp >= :start_time',
        filter.end_time === undefined ? undefined : 'timestamp <= :end_time',
        eventCondition(filter.security_event),
        after === undefined ? undefined : '(timestamp, seq) < (:timestamp, :seq)',
      ]
        .filter((condition) => condition !== undefined)
        .join(' AND ')
      const statement = prepared.get(where) ?? prepare(where)
      prepared.set(where, statement)
      const { start_time, end_time, security_event } = filter
      const [timestamp, seq] = after ?? []
      const given = { tenantId, start_time, end_time, security_event, timestamp, seq, limit: limit + 1 }
      const rows = statement.all(given)
      const last = rows.length > limit ? (rows[limit - 1] as AuditRow) : undefined
      return {
        logs: rows.slice(0, limit).map(entryOf),
        ...(last === undefined ? {} : { next: [last.timestamp, last.seq] as const }),
      }
    },
  }
}

export function entryOf({ seq: _seq, userAgent, securityEvent, actor, ...entry }: AuditRow): AuditEntry {
  return {
    ...entry,
    ...(userAgent === null ? {} : { userAgent }),
    ...(securityEvent === null ? {} : { securityEvent }),
    ...(actor === null ? {} : { actor }),
  }
}

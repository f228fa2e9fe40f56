import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { RefusalReason } from './quota.ts'
import { createUsageTally } from './tally.ts'

/** What came, and was refused, on one day. */
export interface UsageDay {
  /** First millisecond of the UTC day. */
  day: number
  reports: number
  bytes: number
  refused: Partial<Record<RefusalReason, number>>
}

/** So many reports of a tenant were not taken on that day. */
export type Refusal = readonly [tenantId: Tenant, day: number, reason: RefusalReason, refused: number]

export type Usage = ReturnType<typeof createUsage>

/**
 * What tenants use: kept in the transaction that changes the reports, once for all of them that count alike, so that it is what
 * a recount would give, also after a crash.
 */
export function createUsage(db: Database) {
  const onDay = db.prepare(
    `INSERT INTO tenant_days VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET reports = reports + excluded.reports, bytes = bytes + excluded.bytes`,
  )
  const inStorage = db.prepare(
    `INSERT INTO tenant_storage VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET reports = reports + excluded.reports, bytes = bytes + excluded.bytes`,
  )
  const refuse = db.prepare(
    `INSERT INTO tenant_refusals VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET refused = refused + excluded.refused`,
  )
  const days = db.prepare<[object], Omit<UsageDay, 'refused'> & { refused: string }>(
    `WITH known AS (
       SELECT day FROM tenant_days WHERE tenantId = @tenantId AND day >= @since
       UNION SELECT day FROM tenant_refusals WHERE tenantId = @tenantId AND day >= @since
     )
     SELECT known.day AS day, coalesce(reports, 0) AS reports, coalesce(bytes, 0) AS bytes,
       (SELECT json_group_object(reason, refused) FROM tenant_refusals
        WHERE tenantId = @tenantId AND tenant_refusals.day = known.day) AS refused
     FROM known LEFT JOIN tenant_days ON tenant_days.day = known.day AND tenant_days.tenantId = @tenantId
     ORDER BY known.day DESC`,
  )
  const forget = ['tenant_days', 'tenant_refusals'].map((table) => db.prepare(`DELETE FROM ${table} WHERE day < ?`))

  /** Usage gathered in one write; `apply` stores it, within the same transaction. */
  function tally() {
    const gathered = createUsageTally()
    return {
      ...gathered,
      apply(): void {
        for (const { tenantId, day, reports, bytes } of gathered.days()) onDay.run(tenantId, day, reports, bytes)
        for (const { tenantId, reports, bytes } of gathered.storage()) inStorage.run(tenantId, reports, bytes)
      },
    }
  }
  return {
    tally,
    addRefusals(refusals: readonly Refusal[]): void {
      for (const refusal of refusals) refuse.run(...refusal)
    },
    /** The days since then on which there was something, newest first. */
    days: (tenantId: Tenant, since: number): UsageDay[] =>
      days.all({ tenantId, since }).map((row) => ({ ...row, refused: JSON.parse(row.refused) as UsageDay['refused'] })),
    /** Forgets the days before that one. */
    removeDaysBefore(day: number): void {
      for (const table of forget) table.run(day)
    },
  }
}

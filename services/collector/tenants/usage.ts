import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { RefusalReason, Unstored } from './quota.ts'
import { createUsageTally } from './tally.ts'

/** What came, and was refused, on one day. */
export interface UsageDay {
  /** First millisecond of the UTC day. */
  day: number
  /** Stored, those in quarantine too. */
  reports: number
  /** Did not fit their schema when they came. */
  quarantined: number
  bytes: number
  /** Were there already. */
  duplicates: number
  /** Were no reports. */
  rejected: number
  refused: Partial<Record<RefusalReason, number>>
}

export type DayRow = Pick<UsageDay, 'day' | 'reports' | 'quarantined' | 'bytes'>
/** Of which nothing was stored, by why. */
export type NotStored = Partial<Record<RefusalReason | Unstored, number>>

export const usageDay = (row: DayRow, { duplicate = 0, rejected = 0, ...refused }: NotStored): UsageDay => ({
  ...row,
  duplicates: duplicate,
  rejected,
  refused,
})

/** So many reports of a tenant were not stored on that day. */
export type Refusal = readonly [tenantId: Tenant, day: number, reason: RefusalReason | Unstored, refused: number]

export type Usage = ReturnType<typeof createUsage>

/**
 * What tenants use: kept in the transaction that changes the reports, once for all of them that count alike, so that it is what
 * a recount would give, also after a crash.
 */
export function createUsage(db: Database) {
  const onDay = db.prepare(
    `INSERT INTO tenant_days (tenantId, day, reports, quarantined, bytes) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET reports = reports + excluded.reports, quarantined = quarantined + excluded.quarantined,
       bytes = bytes + excluded.bytes`,
  )
  const inStorage = db.prepare(
    `INSERT INTO tenant_storage VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET reports = reports + excluded.reports, bytes = bytes + excluded.bytes`,
  )
  const refuse = db.prepare(
    `INSERT INTO tenant_refusals VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET refused = refused + excluded.refused`,
  )
  const days = db.prepare<[object], DayRow & { notStored: string }>(
    `WITH known AS (
       SELECT day FROM tenant_days WHERE tenantId = @tenantId AND day >= @since
       UNION SELECT day FROM tenant_refusals WHERE tenantId = @tenantId AND day >= @since
     )
     SELECT known.day AS day, coalesce(reports, 0) AS reports, coalesce(quarantined, 0) AS quarantined,
       coalesce(bytes, 0) AS bytes,
       (SELECT json_group_object(reason, refused) FROM tenant_refusals
        WHERE tenantId = @tenantId AND tenant_refusals.day = known.day) AS notStored
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
        for (const { tenantId, day, reports, quarantined, bytes } of gathered.days()) {
          onDay.run(tenantId, day, reports, quarantined, bytes)
        }
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
      days.all({ tenantId, since }).map(({ notStored, ...row }) => usageDay(row, JSON.parse(notStored) as NotStored)),
    /** Forgets the days before that one. */
    removeDaysBefore(day: number): void {
      for (const table of forget) table.run(day)
    },
  }
}

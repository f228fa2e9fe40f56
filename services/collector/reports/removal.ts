import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Rollups } from '../rollups/store.ts'
import type { Countable } from '../rollups/tally.ts'
import type { Used } from '../tenants/tally.ts'
import type { Usage } from '../tenants/usage.ts'

export type Removal = ReturnType<typeof createRemoval>

type Removed = Countable & Used & { seq: number }

/** Bytes of a report as its tenant's usage has them. */
export const STORED_BYTES = 'octet_length(report) + coalesce(octet_length(markdown), 0)'

/** The only way in which reports go: with their sign tokens (ON DELETE CASCADE), and out of every count. */
export function createRemoval(db: Database, rollups: Rollups, usage: Usage) {
  const one = db.prepare<[string, string], Removed>(
    `SELECT seq, tenantId, createdAt, severity, quarantined, ${STORED_BYTES} AS bytes
     FROM reports WHERE id = ? AND tenantId = ?`,
  )
  const old = db.prepare<[string, number, number], Removed>(
    `SELECT seq, tenantId, createdAt, severity, quarantined, ${STORED_BYTES} AS bytes FROM reports
     WHERE tenantId = ? AND createdAt < ? ORDER BY createdAt LIMIT ?`,
  )
  const remove = db.prepare<[number]>('DELETE FROM reports WHERE seq = ?')

  function removeAll(found: readonly Removed[]): number {
    const tally = rollups.tally()
    const used = usage.tally()
    for (const report of found) {
      remove.run(report.seq)
      tally.count(report, -1)
      used.gone(report)
    }
    tally.apply()
    used.apply()
    return found.length
  }

  return {
    /** Deletes a tenant's report; @returns whether it was there */
    remove: (tenantId: Tenant, id: string): boolean => removeAll(one.all(id, tenantId)) === 1,
    /**
     * Deletes at most `limit` of the tenant's reports from before `cutoffTime`, oldest first.
     * @returns how many it deleted
     */
    removeBefore: (tenantId: Tenant, cutoffTime: number, limit: number): number =>
      removeAll(old.all(tenantId, cutoffTime, limit)),
  }
}

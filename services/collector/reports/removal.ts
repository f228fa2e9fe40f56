import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Expendable } from '../retention/archive-reports.ts'
import type { Rollups } from '../rollups/store.ts'
import type { Countable } from '../rollups/tally.ts'
import type { SearchRecord } from '../search/record.ts'
import type { Used } from '../tenants/tally.ts'
import type { Usage } from '../tenants/usage.ts'

export type Removal = ReturnType<typeof createRemoval>

type Removed = Countable & Used & { seq: number }

/** Bytes of a report as its tenant's usage has them. */
export const STORED_BYTES = 'octet_length(report) + coalesce(octet_length(markdown), 0)'

/** The only way in which reports go: with their sign tokens (ON DELETE CASCADE), and out of every count. */
export function createRemoval(db: Database, rollups: Rollups, search: SearchRecord, usage: Usage) {
  const one = db.prepare<[string, string], Removed>(
    `SELECT seq, tenantId, createdAt, severity, quarantined, ${STORED_BYTES} AS bytes
     FROM reports WHERE id = ? AND tenantId = ?`,
  )
  const unchanged = db.prepare<[string, string, number], Removed>(
    `SELECT seq, tenantId, createdAt, severity, quarantined, ${STORED_BYTES} AS bytes
     FROM reports r WHERE id = ? AND tenantId = ? AND updatedAt = ?
     AND NOT EXISTS (SELECT 1 FROM report_holds h WHERE h.tenantId = r.tenantId AND h.reportId = r.id)`,
  )
  const remove = db.prepare<[number]>('DELETE FROM reports WHERE seq = ?')

  function removeAll(found: readonly Removed[]): number {
    const tally = rollups.tally()
    search.remove(found.map(({ seq }) => seq))
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
    /** Deletes those of these reports of a tenant that are on no hold and have not changed; @returns how many */
    removeUnchanged: (tenantId: Tenant, expendable: readonly Expendable[]): number =>
      removeAll(expendable.flatMap(([id, updatedAt]) => unchanged.all(id, tenantId, updatedAt))),
  }
}

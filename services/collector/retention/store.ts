import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'

export type RetentionStore = ReturnType<typeof createRetentionStore>

export function createRetentionStore(db: Database) {
  // The sign tokens of a report go with it (ON DELETE CASCADE).
  const remove = db.prepare<[string, number, number]>(
    `DELETE FROM reports WHERE seq IN
       (SELECT seq FROM reports WHERE tenantId = ? AND createdAt < ? ORDER BY createdAt LIMIT ?)`,
  )
  return {
    /**
     * Deletes at most `limit` of the tenant's reports from before `cutoffTime`, oldest first.
     * @returns how many it deleted
     */
    deleteBefore: (tenantId: Tenant, cutoffTime: number, limit: number): number =>
      remove.run(tenantId, cutoffTime, limit).changes,
  }
}

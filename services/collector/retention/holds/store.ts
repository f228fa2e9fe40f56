import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Hold } from './schema.ts'

export type HoldStore = ReturnType<typeof createHoldStore>

export interface HoldRow {
  reason: string
  heldBy: string
  heldAt: number
  until: number | null
}

export const holdOf = ({ reason, heldBy: by, heldAt: at, until }: HoldRow): Hold => ({
  reason,
  by,
  at,
  ...(until === null ? {} : { until }),
})

/** A hold is in force as long as it is there; one that is over goes with the next retention run. */
export function createHoldStore(db: Database) {
  const get = db.prepare<[string, string], HoldRow>(
    'SELECT reason, heldBy, heldAt, until FROM report_holds WHERE tenantId = ? AND reportId = ?',
  )
  const count = db.prepare<[string], number>('SELECT count(*) FROM report_holds WHERE tenantId = ?').pluck()
  const put = db.prepare(
    `INSERT INTO report_holds (tenantId, reportId, reason, heldBy, heldAt, until) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET reason = excluded.reason, heldBy = excluded.heldBy, heldAt = excluded.heldAt,
       until = excluded.until`,
  )
  const add = db.prepare(
    `INSERT INTO report_holds (tenantId, reportId, reason, heldBy, heldAt, until)
     SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM reports WHERE id = ?) ON CONFLICT DO NOTHING`,
  )
  const remove = db.prepare<[string, string]>('DELETE FROM report_holds WHERE tenantId = ? AND reportId = ?')
  const lift = db.prepare<[string, number, number]>(
    `DELETE FROM report_holds WHERE (tenantId, reportId) IN
       (SELECT tenantId, reportId FROM report_holds WHERE tenantId = ? AND until <= ? LIMIT ?)`,
  )
  return {
    get(tenantId: Tenant, reportId: string): Hold | undefined {
      const row = get.get(tenantId, reportId)
      return row === undefined ? undefined : holdOf(row)
    },
    count: (tenantId: Tenant): number => count.get(tenantId) as number,
    put: (tenantId: Tenant, reportId: string, { reason, by, at, until }: Hold): void =>
      void put.run(tenantId, reportId, reason, by, at, until),
    /** Puts the same hold on reports that are about to come, but for those that are there already. */
    addBefore(tenantId: Tenant, reportIds: readonly string[], { reason, by, at, until }: Hold): void {
      for (const id of reportIds) add.run(tenantId, id, reason, by, at, until, id)
    },
    /** @returns whether there was one */
    remove: (tenantId: Tenant, reportId: string): boolean => remove.run(tenantId, reportId).changes === 1,
    /** Lifts at most `limit` holds that are over at `now`; @returns how many */
    lift: (tenantId: Tenant, now: number, limit: number): number => lift.run(tenantId, now, limit).changes,
  }
}

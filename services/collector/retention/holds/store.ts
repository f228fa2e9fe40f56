import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Hold } from './schema.ts'

export type HoldStore = ReturnType<typeof createHoldStore>

/** A report that is on hold. */
export interface HeldReport {
  id: string
  hold: Hold
}

/** A page of them, and the last id when more follow. */
export interface HeldPage {
  holds: HeldReport[]
  next?: readonly [id: string]
}

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

/** @param rows one more than `limit`, when there are more */
export function heldPageOf(rows: readonly (HoldRow & { id: string })[], limit: number): HeldPage {
  const holds = rows.slice(0, limit).map(({ id, ...row }) => ({ id, hold: holdOf(row) }))
  return { holds, ...(rows.length > limit ? { next: [(holds.at(-1) as HeldReport).id] as const } : {}) }
}

/** Above every id. */
export const LAST_ID = '~'

/** A hold is in force as long as it is there; one that is over goes with the next retention run. */
export function createHoldStore(db: Database) {
  const get = db.prepare<[string, string], HoldRow>(
    'SELECT reason, heldBy, heldAt, until FROM report_holds WHERE tenantId = ? AND reportId = ?',
  )
  const count = db.prepare<[string], number>('SELECT count(*) FROM report_holds WHERE tenantId = ?').pluck()
  const page = db.prepare<[string, string, number], HoldRow & { id: string }>(
    `SELECT reportId AS id, reason, heldBy, heldAt, until FROM report_holds WHERE tenantId = ? AND reportId < ?
     ORDER BY reportId DESC LIMIT ?`,
  )
  const put = db.prepare(
    `INSERT INTO report_holds (tenantId, reportId, reason, heldBy, heldAt, until) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET reason = excluded.reason, heldBy = excluded.heldBy, heldAt = excluded.heldAt,
       until = excluded.until`,
  )
  const add = db.prepare(
    `INSERT INTO report_holds (tenantId, reportId, reason, heldBy, heldAt, until)
     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  )
  const remove = db.prepare<[string, string]>('DELETE FROM report_holds WHERE tenantId = ? AND reportId = ?')
  const lift = db
    .prepare<[string, number, number], string>(
      `DELETE FROM report_holds WHERE (tenantId, reportId) IN
         (SELECT tenantId, reportId FROM report_holds WHERE tenantId = ? AND until <= ? LIMIT ?) RETURNING reportId`,
    )
    .pluck()
  return {
    get(tenantId: Tenant, reportId: string): Hold | undefined {
      const row = get.get(tenantId, reportId)
      return row === undefined ? undefined : holdOf(row)
    },
    /** Reports on hold, those that came last first. @param before id of the last one of the page before */
    list: (tenantId: Tenant, limit: number, before = LAST_ID): HeldPage =>
      heldPageOf(page.all(tenantId, before, limit + 1), limit),
    count: (tenantId: Tenant): number => count.get(tenantId) as number,
    put: (tenantId: Tenant, reportId: string, { reason, by, at, until }: Hold): void =>
      void put.run(tenantId, reportId, reason, by, at, until),
    /** Puts a report on hold that is on none. */
    add: (tenantId: Tenant, reportId: string, { reason, by, at, until }: Hold): void =>
      void add.run(tenantId, reportId, reason, by, at, until),
    /** @returns whether there was one */
    remove: (tenantId: Tenant, reportId: string): boolean => remove.run(tenantId, reportId).changes === 1,
    /** Lifts at most `limit` holds that are over at `now`; @returns ids of the reports that were on them */
    lift: (tenantId: Tenant, now: number, limit: number): string[] => lift.all(tenantId, now, limit),
  }
}

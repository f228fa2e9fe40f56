import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import { given, type Column } from '../../postgres/bulk.ts'
import { timeOfId } from '../../postgres/partitions.ts'
import type { Access, Queries } from '../../postgres/pool.ts'
import { columns, raw, sql, type Statement } from '../../postgres/sql.ts'
import { lockTenant } from '../../postgres/tenant-lock.ts'
import type { Transaction } from '../../postgres/transaction.ts'
import { withId } from '../../reports/postgres.ts'
import { noSuchReport } from '../../reports/representation.ts'
import { HELD, IS_HELD } from '../../search/postgres-terms.ts'
import { noHold } from './refusals.ts'
import type { Hold } from './schema.ts'
import { heldPageOf, holdOf, LAST_ID, type HeldPage, type HoldRow } from './store.ts'

/** The condition of a statement about `reports` that leaves those on hold alone. */
export const NOT_HELD = raw(
  'NOT EXISTS (SELECT 1 FROM report_holds h WHERE h.tenantId = reports.tenantId AND h.reportId = reports.id)',
)

const HOLD = columns('reason', 'heldBy', 'heldAt', 'until')
const PLACES: readonly Column<string>[] = [
  { name: 'createdAt', type: 'bigint', of: timeOfId },
  { name: 'id', type: 'text', of: (id) => id },
]

export async function holdIn(queries: Queries, tenantId: Tenant, id: string): Promise<Hold | undefined> {
  const row = await queries.first<HoldRow>(
    sql`SELECT ${HOLD} FROM report_holds
      WHERE tenantId = ${tenantId} AND reportId = ${id}`,
  )
  return row === undefined ? undefined : holdOf(row)
}

/** The store of holds on PostgreSQL; see store.ts. */
export const createPostgresHolds = ({ of }: Access) => ({
  async list(tenantId: Tenant, limit: number, before = LAST_ID): Promise<HeldPage> {
    const rows = await of(tenantId).all<HoldRow & { id: string }>(
      sql`SELECT reportId AS id, ${HOLD} FROM report_holds WHERE tenantId = ${tenantId} AND reportId < ${before}
        ORDER BY reportId DESC LIMIT ${limit + 1}`,
    )
    return heldPageOf(rows, limit)
  },
  get: (tenantId: Tenant, id: string) => holdIn(of(tenantId), tenantId, id),
  count: async (tenantId: Tenant): Promise<number> =>
    (await of(tenantId).first<{ n: number }>(sql`SELECT count(*) AS n FROM report_holds WHERE tenantId = ${tenantId}`))
      ?.n ?? 0,
})

async function requireReport(tx: Transaction, tenantId: Tenant, id: string): Promise<void> {
  // Whoever deletes reports of the tenant has this lock, too: a hold is there before, or the report is gone.
  tx.later(lockTenant(tenantId))
  const found = await tx.first(sql`SELECT 1 FROM reports WHERE ${withId(id)} AND tenantId = ${tenantId}`)
  if (found === undefined) throw noSuchReport()
}

/** The reports with these ids are found as those on hold are, or no more. */
const mark = (tenantId: Tenant, ids: readonly string[], isHeld: boolean): Statement =>
  sql`UPDATE search_reports SET terms = ${isHeld ? sql`terms || ${HELD}::bigint` : sql`array_remove(terms, ${HELD}::bigint)`}
    WHERE tenantId = ${tenantId} AND ${raw(isHeld ? `NOT ${IS_HELD}` : IS_HELD)} AND seq IN (SELECT seq FROM reports
      WHERE tenantId = ${tenantId} AND (createdAt, id) IN (SELECT createdAt, id FROM ${given(PLACES, ids)}))`

/** What changes holds; see ../commands.ts. */
export const postgresHoldCommands = {
  async putHold(tx: Transaction, tenantId: Tenant, id: string, hold: Hold): Promise<Answer> {
    await requireReport(tx, tenantId, id)
    const { reason, by, at, until } = hold
    tx.later(
      sql`INSERT INTO report_holds (tenantId, reportId, reason, heldBy, heldAt, until)
        VALUES (${tenantId}, ${id}, ${reason}, ${by}, ${at}, ${until})
        ON CONFLICT (tenantId, reportId) DO UPDATE SET reason = excluded.reason, heldBy = excluded.heldBy,
          heldAt = excluded.heldAt, until = excluded.until`,
    )
    tx.later(mark(tenantId, [id], true))
    return { status: 200, body: { id, hold } }
  },
  async removeHold(tx: Transaction, tenantId: Tenant, id: string): Promise<Answer> {
    await requireReport(tx, tenantId, id)
    const removed = await tx.run(sql`DELETE FROM report_holds WHERE tenantId = ${tenantId} AND reportId = ${id}`)
    if (removed === 0) throw noHold()
    tx.later(mark(tenantId, [id], false))
    return { status: 204 }
  },
  async liftHolds(tx: Transaction, tenantId: Tenant, now: number, limit: number): Promise<number> {
    const lifted = await tx.all<{ id: string }>(
      sql`DELETE FROM report_holds WHERE tenantId = ${tenantId} AND reportId IN
          (SELECT reportId FROM report_holds WHERE tenantId = ${tenantId} AND until <= ${now} LIMIT ${limit})
        RETURNING reportId AS id`,
    )
    const ids = lifted.map(({ id }) => id)
    if (ids.length > 0) tx.later(mark(tenantId, ids, false))
    return ids.length
  },
}

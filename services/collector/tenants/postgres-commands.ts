import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import { sql } from '../postgres/sql.ts'
import type { Transaction } from '../postgres/transaction.ts'
import { changed, created, moved, requireRemovable, viewOf, type Found, type TenantInput } from './changes.ts'
import { addRefusals, putTenant, removeUsageBefore, rowOf, storedReports, tenantRow } from './postgres.ts'
import type { TenantRow, TenantState } from './store.ts'
import { createTenants } from './tenants.ts'

/** What administrators change about tenants, on PostgreSQL; see commands.ts. */
export function createPostgresTenantCommands(config: CollectorConfig, shard: number) {
  const { exists } = createTenants(config.API_KEYS)
  const most = config.COLLECTOR_TENANTS_MAX

  async function find(tx: Transaction, id: Tenant): Promise<Found & { stored: number }> {
    // Two administrators at once change one after the other.
    tx.later(sql`LOCK TABLE tenants IN SHARE ROW EXCLUSIVE MODE`)
    const [row, storage, all] = await tx.together(
      tenantRow(id),
      storedReports(id),
      sql`SELECT count(*) AS count FROM tenants`,
    )
    const { stored } = storage?.rows[0] as { stored: number | null }
    const { count } = all?.rows[0] as { count: number }
    return { row: rowOf(row?.rows[0]), isKnown: exists(id) || stored !== null, stored: stored ?? 0, count, most }
  }
  function put(tx: Transaction, status: number, row: TenantRow): Answer {
    putTenant(tx, row)
    return { status, body: viewOf(row) }
  }

  return {
    async addTenant(tx: Transaction, id: Tenant, input: TenantInput, now: number): Promise<Answer> {
      const { row, count } = await find(tx, id)
      return put(tx, 201, created(row, count, most, { ...input, id }, now))
    },
    async changeTenant(
      tx: Transaction,
      id: Tenant,
      input: TenantInput,
      ifMatch: string | undefined,
      now: number,
    ): Promise<Answer> {
      return put(tx, 200, changed(await find(tx, id), id, input, ifMatch, now))
    },
    async moveTenant(
      tx: Transaction,
      id: Tenant,
      state: TenantState,
      ifMatch: string | undefined,
      now: number,
    ): Promise<Answer> {
      return put(tx, 200, moved(await find(tx, id), id, state, ifMatch, now))
    },
    async removeTenant(tx: Transaction, id: Tenant, ifMatch: string | undefined): Promise<Answer> {
      const { row, stored } = await find(tx, id)
      requireRemovable(row, stored, ifMatch)
      tx.later(sql`DELETE FROM tenants WHERE id = ${id}`)
      return { status: 204 }
    },
    addRefusals: addRefusals(shard),
    removeUsageBefore,
  }
}

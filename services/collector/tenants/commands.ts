import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import { changed, created, moved, requireRemovable, viewOf, type Found, type TenantInput } from './changes.ts'
import type { TenantRow, TenantState, TenantStore } from './store.ts'
import { createTenants } from './tenants.ts'

/** What administrators change about tenants; each command's tenant is the one that is changed. */
export function createTenantCommands(store: TenantStore, config: CollectorConfig) {
  const { exists } = createTenants(config.API_KEYS)
  const most = config.COLLECTOR_TENANTS_MAX
  const find = (id: Tenant): Found => ({
    row: store.find(id),
    isKnown: exists(id) || store.stored(id) !== undefined,
    count: store.count(),
    most,
  })
  function put(status: number, row: TenantRow): Answer {
    store.put(row)
    return { status, body: viewOf(row) }
  }

  return {
    addTenant: (id: Tenant, input: TenantInput, now: number): Answer =>
      put(201, created(store.find(id), store.count(), most, { ...input, id }, now)),
    changeTenant: (id: Tenant, input: TenantInput, ifMatch: string | undefined, now: number): Answer =>
      put(200, changed(find(id), id, input, ifMatch, now)),
    moveTenant: (id: Tenant, state: TenantState, ifMatch: string | undefined, now: number): Answer =>
      put(200, moved(find(id), id, state, ifMatch, now)),
    removeTenant(id: Tenant, ifMatch: string | undefined): Answer {
      requireRemovable(store.find(id), store.stored(id) ?? 0, ifMatch)
      store.remove(id)
      return { status: 204 }
    },
  }
}

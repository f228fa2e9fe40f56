import { etagOf, requireMatch } from '#shared/etag.ts'
import { SYSTEM_TENANT } from '#shared/permissions.ts'
import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import { STANDARD_QUOTAS, type Quotas } from './quota.ts'
import type { TenantRow, TenantState } from './store.ts'

export interface TenantInput {
  title?: string
  quotas?: Partial<Quotas>
}

/** A tenant as the administration shows it; one without settings of its own has no times. */
export interface TenantView extends Omit<TenantRow, 'createdAt' | 'updatedAt'> {
  createdAt?: number
  updatedAt?: number
}

export const tenantNotFound = () => new Problem('not-found', { detail: 'Tenant not found' })

/** Its representation: the tag of a tenant is that of this text. */
export const viewOf = ({ id, title, state, quotas, createdAt, updatedAt }: TenantView): TenantView => ({
  id,
  title,
  state,
  quotas,
  ...(createdAt === undefined ? {} : { createdAt }),
  ...(updatedAt === undefined ? {} : { updatedAt }),
})
const tagOf = (tenant: TenantView) => etagOf(JSON.stringify(viewOf(tenant)))

export const unnamedTenant = (id: Tenant): TenantView => ({ id, title: id, state: 'active', quotas: STANDARD_QUOTAS })

/** A new tenant. @throws Problem conflict (409) when it is there already, or there are `most` */
export function created(
  found: TenantRow | undefined,
  count: number,
  most: number,
  { id, title = id, quotas = {} }: TenantInput & { id: Tenant },
  now: number,
): TenantRow {
  if (found !== undefined) throw new Problem('conflict', { detail: `There is already a tenant ${id}` })
  requireRoom(count, most)
  const all = { ...STANDARD_QUOTAS, ...quotas }
  return { id, title, state: 'active', quotas: all, createdAt: now, updatedAt: now }
}

function requireRoom(count: number, most: number): void {
  if (count < most) return
  throw new Problem('conflict', { detail: 'There are as many tenants as there may be (COLLECTOR_TENANTS_MAX)' })
}

export interface Found {
  row: TenantRow | undefined
  /** Whether there is such a tenant without settings of its own. */
  isKnown: boolean
  count: number
  most: number
}

/** @throws Problem not-found (404), precondition-failed (412), conflict (409) when it needs a row and there are too many */
function requireCurrent({ row, isKnown, count, most }: Found, id: Tenant, ifMatch: string | undefined): TenantView {
  if (row === undefined && !isKnown) throw tenantNotFound()
  const current = row ?? unnamedTenant(id)
  requireMatch(ifMatch, tagOf(current))
  if (row === undefined) requireRoom(count, most)
  return current
}

/** The tenant with what is to be changed; what is not named stays. */
export function changed(
  found: Found,
  id: Tenant,
  { title, quotas }: TenantInput,
  ifMatch: string | undefined,
  now: number,
): TenantRow {
  const current = requireCurrent(found, id, ifMatch)
  return {
    ...current,
    ...(title === undefined ? {} : { title }),
    quotas: { ...current.quotas, ...quotas },
    createdAt: current.createdAt ?? now,
    updatedAt: now,
  }
}

/** The tenant in another state; in that state already it stays as it is. @throws Problem conflict (409) for the system's own */
export function moved(
  found: Found,
  id: Tenant,
  state: TenantState,
  ifMatch: string | undefined,
  now: number,
): TenantRow {
  if (id === SYSTEM_TENANT && state === 'suspended') {
    throw new Problem('conflict', { detail: `The tenant ${SYSTEM_TENANT} runs the system and stays active` })
  }
  const current = requireCurrent(found, id, ifMatch)
  const { createdAt = now, updatedAt = now } = current
  return { ...current, state, createdAt, updatedAt: state === current.state ? updatedAt : now }
}

/**
 * Whether a tenant's settings may go.
 * @throws Problem not-found (404), precondition-failed (412), conflict (409) for one with reports, or that would be active again
 */
export function requireRemovable(row: TenantRow | undefined, stored: number, ifMatch: string | undefined): void {
  if (row === undefined) throw tenantNotFound()
  requireMatch(ifMatch, tagOf(row))
  if (row.id === SYSTEM_TENANT) throw new Problem('conflict', { detail: `The tenant ${SYSTEM_TENANT} stays` })
  if (stored > 0) throw new Problem('conflict', { detail: `The tenant ${row.id} has ${stored} reports` })
  if (row.state === 'suspended') {
    throw new Problem('conflict', {
      detail: `The tenant ${row.id} is suspended and would be active without its settings`,
    })
  }
}

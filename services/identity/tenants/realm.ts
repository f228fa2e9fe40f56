import { DEFAULT_TENANT, type Caller } from '#shared/caller.ts'
import { hasRole, type Role } from '#shared/permissions.ts'
import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'

/** What an administrator looks after: their own tenant; those of the tenant `default` look after the whole system. */
export interface Realm {
  tenant: Tenant
  isSystem: boolean
}

export const realmOf = ({ tenant }: Pick<Caller, 'tenant'>): Realm => ({ tenant, isSystem: tenant === DEFAULT_TENANT })

export const tenantNotFound = () => new Problem('not-found', { detail: 'Tenant not found' })

/** @throws Problem not-found (404) for a tenant that is not the administrator's to look after */
export function requireTenant(realm: Realm, tenant: Tenant): void {
  if (!realm.isSystem && tenant !== realm.tenant) throw tenantNotFound()
}

/** @throws Problem forbidden (403) for those who do not look after the whole system */
export function requireSystem(realm: Realm): void {
  if (!realm.isSystem) {
    throw new Problem('forbidden', { detail: `Only administrators of the tenant ${DEFAULT_TENANT} may do this` })
  }
}

/** Nobody gives what they do not have. @throws Problem forbidden (403) */
export function requireGivable(caller: Pick<Caller, 'roles'>, role: Role): void {
  if (!hasRole(caller.roles, role)) throw new Problem('forbidden', { detail: 'Nobody can give a role above their own' })
}

/** Whose Idempotency-Keys an administrator's are: their own, or their tenant's for a key of the tenant. */
export const keyOwnerOf = ({ user, tenant }: Pick<Caller, 'user' | 'tenant'>): string => user ?? tenant

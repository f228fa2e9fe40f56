import type { ApiKey } from '#shared/api-keys.ts'
import type { Caller } from '#shared/caller.ts'
import { authorize, PERMISSIONS, ROLES, type PermissionClass, type Role } from '#shared/permissions.ts'
import { Problem } from '#shared/problem.ts'
import { asTenant } from '#shared/scope.ts'
import type { FastifyRequest } from 'fastify'
import type { CollectorConfig } from '../config.ts'
import type { CollectorMetrics } from '../probes/metrics.ts'
import type { Tenants } from './tenants.ts'

/** What the tenant's log calls a refusal that has to do with credentials. */
export type SecurityEvent =
  'missing_credentials' | 'invalid_key' | 'insufficient_role' | 'missing_token' | 'bad_token' | 'clock_override'

const TENANT_KEY = 'tenant-key:'

/** Who signed, as a report's history shows it. */
export const signerOf = ({ user, credential = '' }: Caller): string =>
  user ?? (credential.startsWith(TENANT_KEY) ? credential.slice(TENANT_KEY.length) : credential)

/** A role of `API_KEYS` that is none of ours was there before them: it may send and read, as it always could. */
const roleOf = ({ role }: ApiKey): Role => (ROLES.includes(role as Role) ? (role as Role) : 'operator')

export type TenantGuard = ReturnType<typeof createTenantGuard>

/**
 * Finds out for which tenant a request is: the gateway's word, when it has verified who is asking, else `X-Tenant` and
 * `X-Api-Key`. 401 when one is missing, 403 when they do not belong together or the role is too low.
 */
export function createTenantGuard(tenants: Tenants, metrics: CollectorMetrics, access: CollectorConfig['ACCESS']) {
  function keyOf(request: FastifyRequest): ApiKey {
    const { 'x-tenant': tenant = '', 'x-api-key': secret = '' } = request.headers as Record<string, string | undefined>
    const missing = [...(tenant === '' ? ['X-Tenant'] : []), ...(secret === '' ? ['X-Api-Key'] : [])]
    if (missing.length > 0) throw refused(request, metrics, 'missing_credentials', `Missing ${missing.join(' and ')}`)
    const key = tenants.verify(tenant, secret)
    // One answer for an unknown tenant and a wrong key: nobody learns which tenants there are.
    if (key === undefined) throw refused(request, metrics, 'invalid_key', 'Invalid X-Tenant or X-Api-Key')
    requireNamedRole(request, key)
    return key
  }

  /** A key without a role is its tenant's administrator, as it always was; in the field nobody meant it to run the system. */
  function requireNamedRole(request: FastifyRequest, { isNamed }: ApiKey): void {
    const { permission } = request.routeOptions.config
    if (access === 'open' || isNamed || permission === undefined) return
    const { system }: PermissionClass = PERMISSIONS[permission]
    if (system !== true) return
    const error = 'This needs a key that names its role in API_KEYS: default:key:admin'
    throw refused(request, metrics, 'insufficient_role', error)
  }

  /** @param permission of a route that decides for itself; else the one of the table */
  return (request: FastifyRequest, permission = request.routeOptions.config.permission): void => {
    if (permission === 'public' || permission === 'internal') return
    if (request.caller.credential === undefined) {
      const key = keyOf(request)
      const credential = `${TENANT_KEY}${key.tenant}:${key.role}`
      request.caller = { tenant: asTenant(key.tenant), roles: [roleOf(key)], credential, ip: request.caller.ip }
    }
    const { tenant } = request.caller
    const { 'x-tenant': named = tenant } = request.headers
    if (named !== tenant) throw refused(request, metrics, 'invalid_key', 'This credential is not for that X-Tenant')
    request.auditTenant = tenant
    try {
      authorize(request.caller, permission)
    } catch (error) {
      request.securityEvent = 'insufficient_role'
      metrics.refusals.inc({ reason: 'insufficient_role' })
      throw error
    }
  }
}

const UNAUTHENTICATED: ReadonlySet<SecurityEvent> = new Set(['missing_credentials', 'missing_token'])

/** A refusal (401 or 403) that the tenant's log and the metrics see. */
export function refused(
  request: FastifyRequest,
  metrics: CollectorMetrics,
  event: SecurityEvent,
  error: string,
): Problem {
  request.securityEvent = event
  metrics.refusals.inc({ reason: event })
  if (!UNAUTHENTICATED.has(event)) return new Problem('forbidden', { error, detail: error })
  return new Problem('unauthenticated', { error, detail: error, headers: { 'www-authenticate': 'Bearer' } })
}

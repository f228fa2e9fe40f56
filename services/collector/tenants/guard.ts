import type { ApiKey } from '#shared/api-keys.ts'
import { Problem } from '#shared/problem.ts'
import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import type { CollectorMetrics } from '../probes/metrics.ts'
import type { Tenants } from './tenants.ts'

/** What the audit log calls a refusal that has to do with credentials. */
export type SecurityEvent = 'missing_credentials' | 'invalid_key' | 'admin_required' | 'missing_token' | 'bad_token'

declare module 'fastify' {
  interface FastifyRequest {
    /** The tenant's key, set by the guard before any of its routes runs. */
    apiKey: ApiKey
  }
}

/** Lets a request in by `X-Tenant` and `X-Api-Key`: 401 when one is missing, 403 when they do not belong together. */
export function tenantGuard(tenants: Tenants, metrics: CollectorMetrics): onRequestHookHandler {
  return (request, _reply, done) => {
    const { 'x-tenant': tenant = '', 'x-api-key': secret = '' } = request.headers as Record<string, string | undefined>
    const missing = [...(tenant === '' ? ['X-Tenant'] : []), ...(secret === '' ? ['X-Api-Key'] : [])]
    if (missing.length > 0) throw refused(request, metrics, 'missing_credentials', `Missing ${missing.join(' and ')}`)
    const key = tenants.verify(tenant, secret)
    // One answer for an unknown tenant and a wrong key: nobody learns which tenants there are.
    if (key === undefined) throw refused(request, metrics, 'invalid_key', 'Invalid X-Tenant or X-Api-Key')
    request.apiKey = key
    request.auditTenant = key.tenant
    done()
  }
}

/** Lets only keys of the role admin in. */
export function adminGuard(metrics: CollectorMetrics): onRequestHookHandler {
  return (request, _reply, done) => {
    if (request.apiKey.role !== 'admin') {
      throw refused(request, metrics, 'admin_required', 'This X-Api-Key may not do this: it has not the role admin')
    }
    done()
  }
}

const UNAUTHENTICATED: ReadonlySet<SecurityEvent> = new Set(['missing_credentials', 'missing_token'])

/** A refusal (401 or 403) that the audit log and the metrics see. */
export function refused(
  request: FastifyRequest,
  metrics: CollectorMetrics,
  event: SecurityEvent,
  error: string,
): Problem {
  request.securityEvent = event
  metrics.refusals.inc({ reason: event })
  return new Problem(UNAUTHENTICATED.has(event) ? 'unauthenticated' : 'forbidden', { error, detail: error })
}

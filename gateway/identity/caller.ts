import type { FastifyRequest } from 'fastify'
import '#shared/audit/event.ts'
import { DEFAULT_TENANT, foreignHost, openCaller, type Caller } from '#shared/caller.ts'
import { isLocalHost } from '#shared/local-host.ts'
import type { GatewayConfig } from '../config.ts'
import type { Problem } from '#shared/problem.ts'
import type { Route, UpstreamName } from '../upstreams.ts'
import { isFinal, refusal, type Reason } from './refusals.ts'

/** The collector verifies its tenants' keys itself, identity lets people in; the gateway only vouches for the door. */
const LETS_IN: ReadonlySet<UpstreamName> = new Set(['collector', 'identity'])

function refuse(request: FastifyRequest, route: Route, reason?: Reason): Problem {
  request.auditEvent = { event: 'credential.refused', detail: { reason: reason ?? 'missing' } }
  return refusal(route, reason)
}

/**
 * Whom the gateway vouches for. Who shows a valid credential is that user. In open access everybody else is the one that they
 * say; else they are nobody, and get no further than to the services that decide for themselves.
 */
export function createCallerOf({ ACCESS, CORS_ORIGINS }: Pick<GatewayConfig, 'ACCESS' | 'CORS_ORIGINS'>) {
  /** Hosts of the front ends: who opened them may have come in through a proxy of their own. */
  const names = new Set(CORS_ORIGINS.map((origin) => new URL(origin).host))

  /** @throws Problem unauthenticated (401), forbidden (403), too-many-requests (429), unavailable (503) */
  return (request: FastifyRequest, route: Route): Caller => {
    const { ip, headers, identity, refused } = request
    const { host } = headers
    if (ACCESS === 'open' && !isLocalHost(host) && !names.has(String(host).toLowerCase())) throw foreignHost(host)
    if (refused !== undefined && isFinal(refused.reason)) throw refuse(request, route, refused.reason)
    if (identity !== undefined) return request.caller
    if (ACCESS === 'open') return openCaller(headers, ip)
    // A browser goes on sending the cookie of a session that is over, also when it signs in anew.
    const isNobody = refused === undefined || refused.source === 'cookie'
    if (isNobody && LETS_IN.has(route.upstream)) return { tenant: DEFAULT_TENANT, roles: [], ip }
    throw refuse(request, route, refused?.reason)
  }
}

import type { FastifyRequest } from 'fastify'
import type { App } from '#shared/server.ts'
import { SESSION_COOKIES } from '#shared/access-token.ts'
import type { GatewayConfig } from '../config.ts'
import type { Route } from '../upstreams.ts'
import { createOriginCheck } from './cross-origin.ts'
import type { Identity, Verdict } from './identity.ts'
import { cookieOf, hasSessionCookie, isOurKey, sourceOf, type Source } from './offered.ts'
import type { Reason } from './refusals.ts'
import type { Verifier } from './verifier.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose valid credential the request carries. */
    identity: Identity | undefined
    /** Why the credential that it carries is not accepted. */
    refused: { reason: Reason; source: Source } | undefined
  }
  interface FastifyContextConfig {
    /** The row of the routing table that a path of the gateway belongs to. */
    route?: Route
  }
}

/**
 * Finds out for every request to a service who it is from. It refuses nothing by itself: refusals count against the budget
 * of the network, which comes next, and what follows from them depends on where the request goes.
 */
export function identifyRequests(
  app: App,
  verifier: Verifier,
  config: Pick<GatewayConfig, 'CORS_ORIGINS' | 'PUBLIC_URL'>,
): void {
  const isOwnOrigin = createOriginCheck([...config.CORS_ORIGINS, config.PUBLIC_URL])

  function refuse(request: FastifyRequest, source: Source, reason: Reason): void {
    verifier.refused(reason)
    request.refused = { reason, source }
  }

  function settle(request: FastifyRequest, source: Source, verdict: Verdict): void {
    if (typeof verdict === 'string') return refuse(request, source, verdict)
    // Browsers send the password of a Basic challenge by themselves, as they send cookies.
    if (verdict.basic && !isOwnOrigin(request.method, request.headers) && isFromBrowser(request))
      return refuse(request, source, 'cross-origin')
    request.identity = verdict
    const { user, tenant, roles, scope, credential } = verdict
    const { ip } = request
    request.caller =
      user === undefined ? { tenant, roles, scope, credential, ip } : { user, tenant, roles, scope, credential, ip }
  }

  app.decorateRequest('identity', undefined)
  app.decorateRequest('refused', undefined)
  app.addHook('onRequest', (request, _reply, done) => {
    const { headers } = request
    const { authorization, cookie } = headers
    if (authorization === undefined && cookie === undefined && !isOurKey(headers['x-api-key'])) return done()
    const { route } = request.routeOptions.config
    if (route === undefined) return done()
    if (cookie !== undefined && hasSessionCookie(cookie) && !isOwnOrigin(request.method, headers)) {
      refuse(request, 'cookie', 'cross-origin')
      return done()
    }
    const source = sourceOf(headers, route)
    if (source === undefined) return done()
    const text = source === 'cookie' ? cookieOf(cookie as string, SESSION_COOKIES.access) : (headers[source] as string)
    if (text === undefined) return done()
    const verdict = verifier.check(source, text, route, request)
    if (!(verdict instanceof Promise)) {
      settle(request, source, verdict)
      return done()
    }
    verdict.then((found) => {
      settle(request, source, found)
      done()
    }, done)
  })
}

const isFromBrowser = ({ headers }: FastifyRequest): boolean =>
  headers.origin !== undefined || headers['sec-fetch-site'] !== undefined

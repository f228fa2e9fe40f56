import type { FastifyReply, FastifyRequest } from 'fastify'
import { ASSERTION_HEADER, ASSERTION_TTL_S, signAssertion } from '#shared/assertion.ts'
import type { Logger } from '#shared/logger.ts'
import { CATALOG, PROBLEM_JSON, Problem } from '#shared/problem.ts'
import { SECURITY_HEADERS } from './browser-headers.ts'
import type { GatewayConfig } from './config.ts'
import { createCallerOf } from './identity/caller.ts'
import { isOurKey } from './identity/offered.ts'
import type { Failure, FailureKind, Proxy } from './proxy/contract.ts'
import { filterRequestHeaders } from './proxy/headers.ts'
import { UPSTREAMS, type Route, type UpstreamName } from './upstreams.ts'

/** Request fields that services may see; everything else is dropped. */
const COMMON =
  'host accept accept-encoding accept-language cache-control content-encoding content-language content-type ' +
  'idempotency-key if-match if-modified-since if-none-match if-range if-unmodified-since last-event-id origin ' +
  'pragma prefer range traceparent tracestate user-agent'
const WEBDAV = 'brief depth destination if lock-token overwrite schedule-reply if-schedule-tag-match timeout'
const FORWARDED: Record<UpstreamName, ReadonlySet<string>> = {
  calendar: new Set(`${COMMON} ${WEBDAV}`.split(' ')),
  diary: new Set(COMMON.split(' ')),
  collector: new Set(`${COMMON} x-tenant x-api-key`.split(' ')),
  identity: new Set(`${COMMON} authorization cookie sec-fetch-site`.split(' ')),
}

const TENANT_KEY = 'x-api-key'
/** For a request whose `X-Api-Key` is identity's: that has been verified, and nobody else need know it. */
const WITHOUT_KEY = new Set([...FORWARDED.collector].filter((name) => name !== TENANT_KEY))

/** The pages of these services have policies of their own. */
const WITH_PAGES: ReadonlySet<UpstreamName> = new Set(['identity', 'collector'])
const PAGE_HEADERS: ReadonlySet<string> = new Set(['content-security-policy', 'referrer-policy', 'cache-control'])

const SECURITY_LIST: readonly string[] = Object.entries(SECURITY_HEADERS).flat()
const MS_PER_S = 1000

/** What a failed exchange answers. */
const FAILURES: Record<FailureKind, { problem: keyof typeof CATALOG; detail: string }> = {
  refused: { problem: 'unavailable', detail: 'is not running or does not accept connections' },
  'breaker-open': { problem: 'unavailable', detail: 'failed several times in a row and is given time to recover' },
  overloaded: { problem: 'overloaded', detail: 'has more requests than it can take' },
  reset: { problem: 'bad-gateway', detail: 'ended the connection before it answered' },
  'bad-response': { problem: 'bad-gateway', detail: 'gave an answer that is not valid HTTP' },
  'headers-timeout': { problem: 'gateway-timeout', detail: 'did not answer in time' },
  'connect-timeout': { problem: 'gateway-timeout', detail: 'did not accept the connection in time' },
  'request-body-timeout': { problem: 'request-timeout', detail: '' },
}

function failureProblem(upstream: UpstreamName, { kind, retryAfter }: Failure): Problem {
  const { problem, detail } = FAILURES[kind]
  if (kind === 'request-body-timeout') return new Problem(problem, { detail: 'The body did not arrive in time' })
  const { title } = UPSTREAMS[upstream]
  const isDown = CATALOG[problem][0] === 503
  return new Problem(problem, {
    detail: `${title} service ${detail}`,
    error: isDown ? `${title} service unavailable` : CATALOG[problem][1],
    extensions: { service: upstream },
    headers: retryAfter === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfter))) },
  })
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The service behind the gateway answers it, and records it. */
    isForwarded: boolean
  }
}

export interface ForwarderOptions {
  config: GatewayConfig
  secret: string
  proxies: Record<UpstreamName, Proxy>
  logger: Logger
}

/** Sends requests on to the services: own headers in, foreign ones out, bodies untouched. */
export function createForwarder({ config, secret, proxies, logger }: ForwarderOptions) {
  const callerOf = createCallerOf(config)
  return (route: Route, request: FastifyRequest, reply: FastifyReply): void => {
    const { upstream } = route
    const url = request.raw.url as string
    // The router reads %61 as a; what is cut off below is the prefix as it was written.
    if (!url.startsWith(route.prefix)) {
      throw new Problem('unsafe-request', { detail: 'The path has a letter that is encoded for no reason' })
    }
    const caller = (request.caller = callerOf(request, route))
    const hidesKey = upstream === 'collector' && isOurKey(request.headers[TENANT_KEY])
    const allowed = hidesKey ? WITHOUT_KEY : FORWARDED[upstream]
    const requestHeaders = filterRequestHeaders(request.raw.rawHeaders, allowed)
    const assertion = signAssertion(secret, {
      aud: upstream,
      exp: Math.floor(Date.now() / MS_PER_S) + ASSERTION_TTL_S,
      ...(caller.user === undefined ? {} : { sub: caller.user }),
      tenant: caller.tenant,
      roles: caller.roles,
      ...(caller.scope === undefined ? {} : { scope: caller.scope }),
      ...(caller.credential === undefined ? {} : { cred: caller.credential }),
      rid: request.id,
      ip: caller.ip,
    })
    requestHeaders.push('x-request-id', request.id, ASSERTION_HEADER, assertion)
    // Lets a service answer links that work where the client came in.
    const below = route.prefix.slice(0, route.prefix.length - route.path.length)
    if (below !== '' && route.prefix.endsWith(route.path)) requestHeaders.push('x-forwarded-prefix', below)

    const responseHeaders = SECURITY_LIST.slice()
    const own = reply.getHeaders()
    for (const name in own) {
      const value = own[name]
      if (value !== undefined) responseHeaders.push(name, String(value))
    }
    request.isForwarded = true
    reply.hijack()
    proxies[upstream].handle({
      request: request.raw,
      response: reply.raw,
      path: route.path + url.slice(route.prefix.length),
      requestHeaders,
      responseHeaders,
      yielding: WITH_PAGES.has(upstream) ? PAGE_HEADERS : undefined,
      fail: (failure) => {
        request.isForwarded = false
        const problem = failureProblem(upstream, failure)
        const body = JSON.stringify(problem.toDocument(request.id))
        reply.raw.writeHead(problem.statusCode, [
          ...responseHeaders,
          ...Object.entries(problem.options.headers ?? {}).flat(),
          'content-type',
          PROBLEM_JSON,
          'content-length',
          String(Buffer.byteLength(body)),
        ])
        reply.raw.end(request.method === 'HEAD' ? undefined : body)
      },
      done: (outcome) => {
        if (!outcome.aborted) return
        logger.info({ requestId: request.id, method: request.method, path: route.prefix, ...outcome })
      },
    })
  }
}

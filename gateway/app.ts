import { randomBytes } from 'node:crypto'
import { METHODS } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { addressesOf } from '#shared/addresses.ts'
import { createApiKeys } from '#shared/api-keys.ts'
import { classifyRoutes } from '#shared/route-classes.ts'
import { createServer, type App } from '#shared/server.ts'
import { recordAudit } from '#shared/service.ts'
import type { Built, Deps, ProcessOptions } from '#shared/start.ts'
import { registerBrowserHeaders, SECURITY_HEADERS } from './browser-headers.ts'
import { settings, type GatewayConfig } from './config.ts'
import { createOpenApi } from './documents/openapi.ts'
import { serveDocuments } from './documents/routes.ts'
import { createRefusalBudget, ownResult } from './audit.ts'
import { createForwarder } from './forward.ts'
import { guardRequests } from './guard.ts'
import { adminPages, registerProxyMetrics, serveHealth } from './health.ts'
import { openDoor } from './identity/door.ts'
import { createLimits } from './limits/limits.ts'
import type { Proxy } from './proxy/contract.ts'
import { proxyLimits } from './proxy-limits.ts'
import { createProxy } from './proxy/proxy.ts'
import { createUpstreamHealth } from './upstream-health.ts'
import { ROUTES, UPSTREAM_NAMES, type UpstreamName } from './upstreams.ts'

export const gatewayProcess: ProcessOptions<GatewayConfig> = {
  name: 'gateway',
  settings,
  port: (config) => config.GATEWAY_PORT,
  build: buildGateway,
}

const each = <T>(make: (name: UpstreamName) => T) =>
  Object.fromEntries(UPSTREAM_NAMES.map((name) => [name, make(name)])) as Record<UpstreamName, T>

/** Methods that a path may be asked with; CONNECT is a tunnel and TRACE echoes credentials. */
const FORWARDED_METHODS = METHODS.filter((method) => method !== 'CONNECT' && method !== 'TRACE' && method !== 'QUERY')

export async function buildGateway(config: GatewayConfig, deps: Deps): Promise<Built> {
  const { logger, metrics, health } = deps
  const addresses = each((name) => addressesOf(name, config))
  const proxies = each((name) =>
    createProxy({
      name,
      address: addresses[name].main,
      limits: proxyLimits(config),
      onStateChange: (state) => logger.warn({ upstream: name, breaker: state }, 'circuit breaker'),
    }),
  )
  const upstreamHealth = createUpstreamHealth(addresses, proxies, config.PROBE_TIMEOUT_MS)
  const openApi = createOpenApi(addresses, config.PROBE_TIMEOUT_MS)
  const app = createServer({
    config,
    ...deps,
    requestTimeoutMs: 0, // the proxy watches the pace of bodies itself
    parseBodies: false,
    notFound: { availableEndpoints: ENDPOINTS },
    ownHeaders: SECURITY_HEADERS,
    ...(config.TRUSTED_PROXIES === undefined ? {} : { trustProxy: config.TRUSTED_PROXIES }),
  })
  // The proxy says 100 Continue when it is ready to take the body, so a refused upload is never sent.
  app.server.on('checkContinue', app.routing)

  classifyRoutes(app, 'gateway', ({ route }) => route !== undefined)
  await registerBrowserHeaders(app, config) // first, so that a page can read every refusal
  guardRequests(app)
  const limits = await createLimits(app, config, logger, createApiKeys(config.API_KEYS))
  app.decorateRequest('isForwarded', false)
  const budget = createRefusalBudget(config.AUDIT_REFUSALS_MAX, (network, refusals) =>
    recorder?.note('refusals.counted', { network, refusals }),
  )
  const recorder = recordAudit('gateway', app, config, deps, undefined, { judge: ownResult, admits: budget.admits })
  // The last one that is added comes first: what was counted is told while it can be recorded.
  app.addHook('onClose', budget.end)
  openDoor(app, config, deps, limits.countVerification)
  app.addHook('onRequest', limits.countRequest)
  const healthOptions = {
    app,
    health,
    upstreamHealth,
    rateLimitStore: limits.store,
    port: () => listeningPort(app) ?? config.GATEWAY_PORT,
  }
  serveHealth(healthOptions)
  await serveDocuments(app, openApi)
  serveRoutes(app, config, proxies, deps)
  registerProxyMetrics(metrics.registry, proxies, upstreamHealth)
  return {
    app,
    adminPages: adminPages(healthOptions, addresses, metrics, config.PROBE_TIMEOUT_MS),
    close: async () => {
      await Promise.all(Object.values(proxies).map((proxy) => proxy.close()))
    },
  }
}

const ENDPOINTS = ['/health', '/docs', '/openapi.json', ...ROUTES.map(({ prefix }) => `${prefix}/*`)]

function listeningPort(app: App): number | undefined {
  const address = app.server.address()
  return typeof address === 'object' ? address?.port : undefined
}

function serveRoutes(app: App, config: GatewayConfig, proxies: Record<UpstreamName, Proxy>, { logger }: Deps): void {
  for (const method of FORWARDED_METHODS) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
  }
  const forward = createForwarder({
    config,
    // Without a secret of its own only services in open access answer, as they do without a gateway.
    secret: config.INTERNAL_SECRET ?? randomBytes(32).toString('hex'),
    proxies,
    logger,
  })
  for (const route of ROUTES) {
    const handler = (request: FastifyRequest, reply: FastifyReply) => {
      forward(route, request, reply)
    }
    for (const url of [route.prefix, `${route.prefix}/*`]) {
      app.route({
        method: FORWARDED_METHODS,
        url,
        schema: { hide: true },
        config: { route },
        exposeHeadRoute: false,
        handler,
      })
    }
  }
}

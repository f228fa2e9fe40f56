import { Gauge, type MetricObject, type Registry } from 'prom-client'
import type { AdminPage } from '#shared/admin.ts'
import type { Addresses } from '#shared/addresses.ts'
import { VERSION, type Health } from '#shared/health.ts'
import { mergedMetrics, type Metrics } from '#shared/metrics.ts'
import type { App } from '#shared/server.ts'
import { ask } from './ask.ts'
import type { Proxy } from './proxy/contract.ts'
import type { UpstreamHealth } from './upstream-health.ts'
import { UPSTREAM_NAMES, type UpstreamName } from './upstreams.ts'

interface HealthOptions {
  app: App
  health: Health
  upstreamHealth: UpstreamHealth
  rateLimitStore: () => string
  port: () => number
}

/** What the gateway says of itself and the services behind it: degraded as soon as one of them is down. */
async function summary({ health, upstreamHealth, rateLimitStore, port }: HealthOptions) {
  const upstreams = await upstreamHealth.check()
  const down = UPSTREAM_NAMES.filter((name) => upstreams[name].status === 'down')
  const store = rateLimitStore()
  return {
    status: down.length > 0 || store === 'redis-unreachable' ? 'degraded' : 'healthy',
    service: health.name,
    timestamp: new Date().toISOString(),
    uptime: process.uptime(),
    port: port(),
    version: VERSION,
    ...(down.length === 0 ? {} : { down }),
    upstreams,
    rateLimits: { store },
  }
}

export function serveHealth(options: HealthOptions): void {
  options.app.get('/health', { config: { public: true, etag: false } }, () => summary(options))
}

/** The gateway's admin pages: its details with the services' state, and one scrape of every process. */
export function adminPages(
  options: HealthOptions,
  addresses: Record<UpstreamName, Addresses>,
  metrics: Metrics,
  timeoutMs: number,
): Record<string, AdminPage> {
  const type = 'application/json; charset=utf-8'
  return {
    '/health': async () => ({
      type,
      body: JSON.stringify({ ...(await options.health.details()), ...(await summary(options)) }),
    }),
    '/metrics': async () => {
      const others = await Promise.allSettled(
        UPSTREAM_NAMES.map(async (name) => {
          const { body } = await ask(addresses[name].admin, '/metrics.json', timeoutMs)
          return JSON.parse(body) as MetricObject[]
        }),
      )
      const answered = others.filter((other) => other.status === 'fulfilled').map((other) => other.value)
      const own = (await metrics.registry.getMetricsAsJSON()) as unknown as MetricObject[]
      return { type: metrics.registry.contentType, body: await mergedMetrics([own, ...answered]) }
    },
  }
}

const BREAKER_STATES = ['closed', 'open', 'half-open'] as const

/** Gauges of every upstream, read when scraped. */
export function registerProxyMetrics(registry: Registry, proxies: Record<UpstreamName, Proxy>, health: UpstreamHealth) {
  const gauge = (name: string, help: string, collect: (gauge: Gauge) => void | Promise<void>, labels: string[] = []) =>
    new Gauge({
      name,
      help,
      labelNames: ['upstream', ...labels],
      registers: [registry],
      collect() {
        return collect(this)
      },
    })
  const each = (read: (proxy: Proxy) => number) => (metric: Gauge) => {
    for (const name of UPSTREAM_NAMES) metric.set({ upstream: name }, read(proxies[name]))
  }
  gauge(
    'gateway_upstream_connections',
    'Open connections to the upstream',
    each((p) => p.state().connections),
  )
  gauge(
    'gateway_upstream_queued_requests',
    'Requests waiting for a connection',
    each((p) => p.state().queued),
  )
  gauge(
    'gateway_upstream_retries',
    'Requests repeated since the start',
    each((p) => p.state().retries),
  )
  gauge('gateway_upstream_up', '1 when the upstream is ready', async (metric) => {
    const statuses = await health.check()
    for (const name of UPSTREAM_NAMES) metric.set({ upstream: name }, statuses[name].status === 'up' ? 1 : 0)
  })
  gauge(
    'gateway_upstream_breaker_state',
    '1 for the state that the circuit breaker is in',
    (metric) => {
      for (const name of UPSTREAM_NAMES) {
        const { breaker } = proxies[name].state()
        for (const state of BREAKER_STATES) metric.set({ upstream: name, state }, breaker === state ? 1 : 0)
      }
    },
    ['state'],
  )
}

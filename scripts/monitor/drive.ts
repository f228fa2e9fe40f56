import autocannon from 'autocannon'
import { setTimeout as sleep } from 'node:timers/promises'
import { REQUEST_TIMEOUT_MS } from './limits.ts'
import { createMeter, percentilesOf, type Meter } from './meter.ts'
import { pace, type PacedClient, type Sample } from './paced-client.ts'
import type { LoadRun, RouteRun } from './run.ts'

/** One route under load. `rate` is in requests a second over all its connections. */
export interface RoutePlan {
  /** How reports and budgets call it. */
  route: string
  method: NonNullable<autocannon.Request['method']>
  path: string
  headers: Record<string, string>
  /** Made anew for each request. */
  body?: () => string
  rate: number
  connections: number
  onAnswer?: (status: number, body: string) => void
}

export interface Drive {
  duration_s: number
  warmup_s: number
  /** At least 1000: autocannon takes no shorter one. */
  timeoutMs?: number
  signal?: AbortSignal
}

export type Driven = Pick<LoadRun, 'routes' | 'total' | 'generator_lag_ms'>

/** Time between the making of the clients and the first request, so that all connections are open by then. */
const LEAD_MS = 100
const POLL_MS = 20
/** What was due shortly before the end and had to wait is still sent: it is late, not lost. */
const GRACE_MS = 1000
const SPARE_S = 5

interface Times {
  start: number
  end: number
  timeoutMs: number
}

/** Starts the clients of one route; each connection takes its turn, so that requests are due at even intervals. */
function startRoute(
  origin: string,
  plan: RoutePlan,
  phase: number,
  { start, end, timeoutMs }: Times,
  report: (sample: Sample) => void,
) {
  const paced: PacedClient[] = []
  const interval = (plan.connections * 1000) / plan.rate
  const { body } = plan
  const request: autocannon.Request = {
    method: plan.method,
    path: plan.path,
    headers: plan.headers,
    ...(body === undefined ? {} : { setupRequest: (prepared) => ({ ...prepared, body: body() }) }),
    ...(plan.onAnswer === undefined ? {} : { onResponse: plan.onAnswer }),
  }
  const { promise: finished, resolve, reject } = Promise.withResolvers<void>()
  const options: autocannon.Options = {
    url: origin,
    connections: plan.connections,
    requests: [request],
    duration: (end - start + GRACE_MS + timeoutMs) / 1000 + SPARE_S, // stopped long before that, when the last answer is there
    timeout: timeoutMs / 1000,
    sampleInt: 100,
    setupClient: (client) => {
      const first = start + ((paced.length + phase) / plan.connections) * interval
      paced.push(pace(client, { start: first, interval, end, deadline: end + GRACE_MS }, report))
    },
  }
  const instance = autocannon(options, (error: unknown) => (error ? reject(error) : resolve()))
  return { paced, stop: () => (instance.stop(), finished) }
}

/**
 * Sends every route at its own fixed rate, all at the same time, and measures what comes back. What is due in the warm-up is
 * sent and not counted. Ends when the last answer is there or has timed out, or soon after `signal` aborts.
 */
export async function drive(origin: string, plans: readonly RoutePlan[], options: Drive): Promise<Driven> {
  const { duration_s, warmup_s, timeoutMs = REQUEST_TIMEOUT_MS, signal } = options
  const start = performance.now() + LEAD_MS
  const from = start + warmup_s * 1000
  const end = from + duration_s * 1000
  const total = createMeter(from, duration_s)
  const meters = plans.map(() => createMeter(from, duration_s))
  const started = plans.map((plan, index) =>
    startRoute(origin, plan, index / plans.length, { start, end, timeoutMs }, (sample) => {
      meters[index]?.record(sample)
      total.record(sample)
    }),
  )
  const clients = started.flatMap(({ paced }) => paced)
  await sleep(Math.max(0, end - performance.now()), undefined, signal === undefined ? {} : { signal }).catch(
    () => undefined,
  )
  const measured = signal?.aborted === true ? Math.max(0.001, (performance.now() - from) / 1000) : duration_s
  while (signal?.aborted !== true && clients.some((client) => client.isBusy())) await sleep(POLL_MS)
  clients.forEach((client) => client.stop())
  await Promise.all(started.map(({ stop }) => stop()))
  const routes = plans.map((plan, index) =>
    (meters[index] as Meter).result(plan.route, plan.connections, plan.rate, measured),
  )
  const sum = (figure: (route: RouteRun) => number) => routes.reduce((all, route) => all + figure(route), 0)
  const lag = percentilesOf(total.lag)
  return {
    routes,
    total: total.result(
      '*',
      sum((route) => route.connections),
      sum((route) => route.offered_rate),
      measured,
    ),
    generator_lag_ms: { p99: lag.p99 ?? 0, max: lag.max ?? 0 },
  }
}

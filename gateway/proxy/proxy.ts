import { Breaker } from './breaker.ts'
import type { Exchange, Failure, Proxy, ProxyLimits, ProxyOptions } from './contract.ts'
import { Transfer } from './exchange.ts'
import type { Upstream } from './exchange.ts'
import { Pool } from './pool.ts'
import { RetryBudget } from './retry.ts'
import { Sweep } from './sweep.ts'

export { DEFAULT_LIMITS } from './contract.ts'
export type {
  BreakerState,
  Exchange,
  Failure,
  FailureKind,
  Outcome,
  Proxy,
  ProxyLimits,
  ProxyOptions,
  ProxyState,
} from './contract.ts'

/**
 * A reverse proxy for one upstream, from node:http requests to a lean HTTP/1.1 client on node:net. Bodies stream both ways.
 * Uploads with `Expect: 100-continue` are only awaited as they should be when the server has a `checkContinue` listener that
 * hands them on like any request.
 */
export function createProxy(options: ProxyOptions): Proxy {
  const { address, limits } = options
  const clock = new Sweep(sweepInterval(limits))
  const budget = new RetryBudget(limits.retryBudgetRatio, limits.maxConnections)
  const pool = new Pool(address, limits, clock)
  const breaker = new Breaker(limits.breakerThreshold, limits.breakerCooldown, (state) =>
    options.onStateChange?.(state),
  )
  let active = 0
  let closing = false
  let stopped = false
  const drained = Promise.withResolvers<void>()

  const stopWhenDrained = (): void => {
    if (!closing || active > 0 || stopped) return
    stopped = true
    pool.stop()
    clock.stop()
    drained.resolve()
  }
  const upstream: Upstream = {
    host: 'port' in address ? `${address.host}:${address.port}` : options.name,
    limits,
    clock,
    pool,
    breaker,
    budget,
    left() {
      active--
      stopWhenDrained()
    },
  }
  clock.add({ place: 0, sweep: (_now, elapsed) => budget.refill(elapsed) })

  const refusal = (): Failure | undefined => {
    if (closing) return { kind: 'refused', retryAfter: 1 }
    if (!breaker.admits()) return { kind: 'breaker-open', retryAfter: breaker.retryAfter }
    return undefined
  }

  return {
    handle(exchange: Exchange) {
      const transfer = new Transfer(upstream, exchange)
      active++
      budget.earn()
      transfer.begin(refusal())
    },
    state: () => ({
      breaker: breaker.state,
      consecutiveFailures: breaker.failures,
      connections: pool.size,
      idle: pool.idleCount,
      queued: pool.waiting.size,
      retries: budget.spent,
    }),
    close() {
      closing = true
      pool.drain()
      stopWhenDrained()
      return drained.promise
    },
  }
}

/** Often enough to keep the shortest deadline within a quarter, seldom enough to cost nothing. */
function sweepInterval(limits: ProxyLimits): number {
  const { connectTimeout, headersTimeout, bodyIdleTimeout, bodyRateGrace, restartWait, keepAliveTimeout } = limits
  const shortest = Math.min(
    connectTimeout,
    headersTimeout,
    bodyIdleTimeout,
    bodyRateGrace,
    restartWait,
    keepAliveTimeout,
  )
  return Math.min(250, Math.max(10, shortest / 4))
}

import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { ROUNDING_MS, type Sample } from './paced-client.ts'
import { ERROR_CLASSES, type ErrorClass, type Percentiles, type RouteRun, type Slice } from './run.ts'

/** Counts the samples of one route. Latencies are kept in HDR histograms of microseconds, three significant figures. */
export interface Meter {
  record(sample: Sample): void
  lag: RecordableHistogram
  latency: RecordableHistogram
  /** @param measured seconds that were measured: fewer than planned when the run was ended early */
  result(route: string, connections: number, rate: number, measured: number): RouteRun
}

const HOUR_US = 3_600_000_000
const histogram = (figures: number) => createHistogram({ lowest: 1, highest: HOUR_US, figures })
const put = (into: RecordableHistogram, ms: number) =>
  into.record(Math.min(HOUR_US, Math.max(1, Math.round(ms * 1000))))
const toMs = (us: number) => Math.round(us / 10) / 100

/** Percentiles in ms, null when the histogram is empty. */
export function percentilesOf(latency: RecordableHistogram): Percentiles {
  const at = (percent: number) => (latency.count === 0 ? null : toMs(latency.percentile(percent)))
  return {
    p50: at(50),
    p90: at(90),
    p95: at(95),
    p99: at(99),
    p99_9: at(99.9),
    max: at(100),
    mean: latency.count === 0 ? null : toMs(latency.mean),
  }
}

function errorOf(outcome: Sample['outcome']): ErrorClass | undefined {
  if (typeof outcome === 'string') return outcome
  if (outcome >= 200 && outcome < 300) return undefined
  if (outcome === 429) return '429'
  if (outcome >= 500) return '5xx'
  return outcome >= 400 ? '4xx' : 'other'
}

/** Errors of these kinds come fast and would flatter the percentiles; one that timed out or waited in vain would not. */
const UNTIMED: ReadonlySet<ErrorClass> = new Set(['connect', 'reset'])

/**
 * @param from when the warm-up ends, in ms of `performance.now()`; what was due before it is left out
 * @param seconds how long is measured
 */
export function createMeter(from: number, seconds: number): Meter {
  const latency = histogram(3)
  const lag = histogram(3)
  const slices = Array.from({ length: Math.ceil(seconds) }, () => ({ latency: histogram(2), errors: 0, count: 0 }))
  const errors = Object.fromEntries(ERROR_CLASSES.map((name) => [name, 0])) as Record<ErrorClass, number>
  let offered = 0
  let answered = 0

  const sliceOf = (index: number): Slice => {
    const { latency: own, errors: failed, count } = slices[index] as (typeof slices)[number]
    const { p50, p99 } = percentilesOf(own)
    return { second: index, count, errors: failed, p50, p99 }
  }

  return {
    latency,
    lag,
    record({ due, from: began, done, lag: late, outcome }) {
      const slice = slices[Math.floor((due - from + ROUNDING_MS) / 1000)]
      if (slice === undefined) return
      const error = errorOf(outcome)
      offered += 1
      slice.count += 1
      if (typeof outcome === 'number') answered += 1
      if (outcome !== 'unsent') put(lag, late)
      if (error !== undefined) {
        errors[error] += 1
        slice.errors += 1
      }
      if (error !== undefined && UNTIMED.has(error)) return
      put(latency, done - began)
      put(slice.latency, done - began)
    },
    result(route, connections, rate, measured) {
      const failed = ERROR_CLASSES.reduce((sum, name) => sum + errors[name], 0)
      return {
        route,
        connections,
        offered_rate: rate,
        reached_rate: Math.round((answered / measured) * 10) / 10,
        offered,
        answered,
        errors,
        error_rate: offered === 0 ? 0 : failed / offered,
        latency_ms: percentilesOf(latency),
        slices: slices.slice(0, Math.ceil(measured)).map((_, index) => sliceOf(index)),
      }
    },
  }
}

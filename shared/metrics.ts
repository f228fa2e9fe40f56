import { AggregatorRegistry, collectDefaultMetrics, Registry, type Metric, type MetricObject } from 'prom-client'

export type Metrics = ReturnType<typeof createMetrics>

/** Upper bounds of the request-duration histogram, in seconds. */
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

interface Series {
  labels: { method: string; route: string; status: string }
  counts: Float64Array
  sum: number
}

/**
 * Request durations by method, route and status. prom-client hashes the labels at every observation (3-15 µs); here a
 * series is found by one string key and only a scrape builds the labels.
 */
function createRequestHistogram(name: string) {
  const series = new Map<string, Series>()
  return {
    observe(method: string, route: string, status: number, seconds: number): void {
      const key = `${method} ${status} ${route}`
      let found = series.get(key)
      if (found === undefined) {
        const labels = { method, route, status: String(status) }
        found = { labels, counts: new Float64Array(BUCKETS_S.length + 1), sum: 0 }
        series.set(key, found)
      }
      let bucket = 0
      while (bucket < BUCKETS_S.length && seconds > (BUCKETS_S[bucket] as number)) bucket++
      found.counts[bucket] = (found.counts[bucket] as number) + 1
      found.sum += seconds
    },
    metric: {
      name,
      get: () => ({
        name,
        help: 'Duration of HTTP requests in seconds',
        type: 'histogram',
        aggregator: 'sum',
        values: [...series.values()].flatMap(({ labels, counts, sum }) => {
          let total = 0
          const buckets = [...counts].map((count, index) => {
            total += count
            return {
              metricName: `${name}_bucket`,
              labels: { ...labels, le: index < BUCKETS_S.length ? String(BUCKETS_S[index]) : '+Inf' },
              value: total,
            }
          })
          return [
            ...buckets,
            { metricName: `${name}_sum`, labels, value: sum },
            { metricName: `${name}_count`, labels, value: total },
          ]
        }),
      }),
      reset: () => series.clear(),
    },
  }
}

/** The registry of one process: its own numbers, the runtime's, and the duration of every request. */
export function createMetrics(service: string) {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  // Gauges whose names end in `_total`: promtool refuses them.
  for (const metric of registry.getMetricsAsArray()) {
    const { name } = metric as unknown as { name: string }
    if (/^nodejs_active_.*_total$/.test(name)) registry.removeSingleMetric(name)
  }
  const requests = createRequestHistogram('http_request_duration_seconds')
  registry.registerMetric(requests.metric as unknown as Metric)
  return { registry, observe: requests.observe }
}

/** Several processes' metrics (as JSON) as one Prometheus text; their `service` labels keep them apart. */
export async function mergedMetrics(processes: MetricObject[][]): Promise<string> {
  return await AggregatorRegistry.aggregate(processes as never).metrics()
}

import { accessOf, exemption, keyHeaders } from './access.ts'
import { drive, type Driven } from './drive.ts'
import { WARMUP_S } from './limits.ts'
import type { RouteLoadOptions } from './load-args.ts'
import { SCRATCH_USER } from './scratch.ts'
import type { MonitorConfig } from './settings.ts'
import { errorsText } from './report-terminal.ts'
import { ms, sparkline } from './show.ts'

/** Load on one route of the running gateway, as the scratch user, exempt from the limits. What it writes stays. */
export async function runRouteLoad(
  origin: string,
  options: RouteLoadOptions,
  config: MonitorConfig,
  signal?: AbortSignal,
  warmup_s: number = WARMUP_S,
): Promise<Driven> {
  const { route, method, connections, rate, duration_s, headers, body } = options
  const { monitorKey, apiKey } = accessOf(config)
  const plan = {
    route: `${method} ${route}`,
    method,
    path: route,
    headers: {
      'x-user-id': SCRATCH_USER,
      ...keyHeaders(apiKey),
      ...exemption(monitorKey),
      ...headers,
    },
    ...(body === undefined ? {} : { body: () => body }),
    rate,
    connections,
  }
  return drive(origin, [plan], { duration_s, warmup_s, ...(signal === undefined ? {} : { signal }) })
}

/** The result as a person reads it. */
export function routeLoadText(options: RouteLoadOptions, { total, generator_lag_ms: lag }: Driven): string {
  const { latency_ms: latency, reached_rate, offered, answered, slices } = total
  const lines: [string, string][] = [
    ['offered', `${options.rate}/s on ${options.connections} connections for ${options.duration_s} s: ${offered}`],
    ['answered', `${reached_rate}/s: ${answered}`],
    ...(['p50', 'p90', 'p95', 'p99', 'p99_9', 'max'] as const).map((name): [string, string] => [
      name.replace('_', '.'),
      ms(latency[name]),
    ]),
    ['p99 by second', sparkline(slices.map(({ p99 }) => p99))],
    ['errors', errorsText(total)],
    ['generator late', `${ms(lag.p99)} (p99)`],
  ]
  const text = lines.map(([name, value]) => `  ${name.padEnd(15)} ${value}`).join('\n')
  return `${options.method} ${options.route}\n${text}\n`
}

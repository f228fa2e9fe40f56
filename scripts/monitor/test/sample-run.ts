import { gradeOf } from '../grade.ts'
import {
  ERROR_CLASSES,
  type Check,
  type ErrorClass,
  type RouteRun,
  type Run,
  type State,
  type TargetRun,
} from '../run.ts'

/** Runs as inspect makes them, for what works on them. */

export const check = (target: string, name: string, over: Partial<Check> = {}): Check => ({
  target,
  name,
  kind: 'probe',
  decides: false,
  ok: true,
  ...over,
})

export const refused = (target: string, name: string): Check =>
  check(target, name, { ok: false, decides: true, problem: { code: 'refused', values: {} } })

export function targetRun(
  name: string,
  state: State = 'healthy',
  checks: Check[] = [check(name, 'live', { ms: 1.5 })],
): TargetRun {
  return {
    name,
    url: 'http://127.0.0.1:5001',
    admin: 'http://127.0.0.1:5101',
    critical: true,
    state,
    facts:
      state === 'down'
        ? { ready: false }
        : {
            version: '0.1.0',
            uptime_s: 3725,
            ready: true,
            rss_bytes: 90e6,
            loop_p99_ms: 22,
            database: 'connected',
            file_bytes: 4096,
            wal_bytes: 0,
            disk_free_bytes: 5e9,
          },
    checks,
    health_ms: state === 'down' ? [] : [1, 2, 3],
    health_p50_ms: state === 'down' ? null : 2,
  }
}

export const noErrors = () => Object.fromEntries(ERROR_CLASSES.map((name) => [name, 0])) as Record<ErrorClass, number>

export const routeRun = (route: string, p99 = 20, errors: Partial<Record<ErrorClass, number>> = {}): RouteRun => ({
  route,
  connections: 2,
  offered_rate: 10,
  reached_rate: 10,
  offered: 100,
  answered: 100,
  errors: { ...noErrors(), ...errors },
  error_rate: Object.values(errors).reduce((sum, count) => sum + count, 0) / 100,
  latency_ms: { p50: p99 / 4, p90: p99 / 2, p95: p99 / 1.5, p99, p99_9: p99 * 2, max: p99 * 3, mean: p99 / 3 },
  slices: [
    { second: 0, count: 50, errors: 0, p50: p99 / 4, p99 },
    { second: 1, count: 50, errors: 0, p50: p99 / 4, p99: p99 / 2 },
    { second: 2, count: 0, errors: 0, p50: null, p99: null },
  ],
})

/** @param at start of the run, ms since 1970 */
export function sampleRun(over: Partial<Run> = {}, at = Date.UTC(2026, 10, 14, 9, 30)): Run {
  const parts = { targets: [targetRun('gateway'), targetRun('calendar')], checks: [], ...over }
  return {
    schema: 'najimban-health/1',
    started_at: new Date(at).toISOString(),
    finished_at: new Date(at + 250).toISOString(),
    ...gradeOf(parts),
    host: {
      platform: 'linux 6.1 x64',
      node: 'v26.10.0',
      cpus: 2,
      load_1m: 0.5,
      memory_free_bytes: 1e9,
      memory_total_bytes: 8e9,
      data_dir: '/srv/najimban',
      disk_free_bytes: 5e9,
      disk_total_bytes: 1e10,
    },
    ...parts,
  }
}

export const loadOf = (routes: RouteRun[]): NonNullable<Run['load']> => ({
  connections: 10,
  rate: 100,
  duration_s: 3,
  warmup_s: 2,
  routes,
  total: routeRun('*', 30),
  generator_lag_ms: { p99: 1, max: 3 },
  scratch: { made: 10, left: 0 },
})

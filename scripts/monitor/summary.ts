import { median } from './look.ts'
import { allChecks, type Grade, type Run, type State } from './run.ts'

interface RouteSummary {
  p50: number | null
  p99: number | null
  error_rate: number
}

/** What is kept of a run: enough to compare with, a few hundred bytes. */
export interface Summary {
  /** Start, in ms since 1970. */
  at: number
  verdict: State
  grade: Grade
  score: number
  kind: string
  /** Names of the failed checks, `target name`. */
  failed: string[]
  targets: Record<string, { state: State; health_ms: number | null; rss_bytes: number | null }>
  routes: Record<string, RouteSummary>
}

/** Runs of the same kind can be compared: load figures only with those of the same load. */
export const kindOf = ({ load }: Pick<Run, 'load'>): string =>
  load === undefined ? 'status' : `load ${load.connections}c ${load.rate}/s ${load.duration_s}s`

export function summaryOf(run: Run): Summary {
  return {
    at: Date.parse(run.started_at),
    verdict: run.verdict,
    grade: run.grade,
    score: run.score,
    kind: kindOf(run),
    failed: allChecks(run).flatMap((check) => (check.ok ? [] : [`${check.target} ${check.name}`])),
    targets: Object.fromEntries(
      run.targets.map((target) => [
        target.name,
        { state: target.state, health_ms: target.health_p50_ms, rss_bytes: target.facts.rss_bytes ?? null },
      ]),
    ),
    routes: Object.fromEntries(
      (run.load?.routes ?? []).map(({ route, latency_ms, error_rate }) => [
        route,
        { p50: latency_ms.p50, p99: latency_ms.p99, error_rate },
      ]),
    ),
  }
}

const middle = (figures: (number | null | undefined)[]) =>
  median(figures.filter((figure): figure is number => typeof figure === 'number'))

/** The usual figures: the median of each over some runs of one kind, newest first; undefined of fewer than three. */
export function usualOf(runs: readonly Summary[]): Summary | undefined {
  const [latest] = runs
  if (latest === undefined || runs.length < 3) return undefined
  const of = (figure: (summary: Summary) => number | null | undefined) => middle(runs.map(figure))
  return {
    ...latest,
    score: of((run) => run.score) ?? latest.score,
    failed: [],
    targets: Object.fromEntries(
      Object.entries(latest.targets).map(([name, { state }]) => [
        name,
        {
          state,
          health_ms: of((run) => run.targets[name]?.health_ms),
          rss_bytes: of((run) => run.targets[name]?.rss_bytes),
        },
      ]),
    ),
    routes: Object.fromEntries(
      Object.keys(latest.routes).map((route) => [
        route,
        {
          p50: of((run) => run.routes[route]?.p50),
          p99: of((run) => run.routes[route]?.p99),
          error_rate: of((run) => run.routes[route]?.error_rate) ?? 0,
        },
      ]),
    ),
  }
}

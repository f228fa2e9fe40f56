/** The run object: one look at the system. Every report, the history and the exit code are made from it alone. */

export type State = 'healthy' | 'degraded' | 'down'
export type Grade = 'A+' | 'A' | 'B' | 'C' | 'D' | 'F'

/** What went wrong, as a code with its numbers, so that every language can say it. */
export interface Problem {
  code: ProblemCode
  values: Readonly<Record<string, string | number>>
}

export const PROBLEM_CODES = [
  'refused',
  'timeout',
  'reset',
  'unreachable',
  'too-large',
  'http-status',
  'not-json',
  'not-metrics',
  'field-missing',
  'field-type',
  'field-value',
  'over',
  'under',
  'versions-differ',
  'budget',
  'nothing-measured',
  'no-scratch',
  'no-key',
] as const
export type ProblemCode = (typeof PROBLEM_CODES)[number]

/** One thing that was looked at. `decides`: when it fails the process is down, whatever its other answers say. */
export interface Check {
  target: string
  name: string
  kind: 'probe' | 'field' | 'limit' | 'budget'
  decides: boolean
  ok: boolean
  problem?: Problem
  /** How long the answer took, for probes. */
  ms?: number
}

/** What a process tells about itself; a part it did not tell is absent. */
export interface Facts {
  service?: string
  version?: string
  uptime_s?: number
  ready?: boolean
  database?: string
  pid?: number
  node?: string
  rss_bytes?: number
  heap_used_bytes?: number
  loop_mean_ms?: number
  loop_p99_ms?: number
  loop_max_ms?: number
  file?: string
  file_bytes?: number
  wal_bytes?: number
  disk_free_bytes?: number
  disk_total_bytes?: number
}

export interface TargetRun {
  name: string
  url: string
  admin: string
  critical: boolean
  state: State
  facts: Facts
  checks: Check[]
  /** Answer times of `/health` on the main port, in order, in ms. */
  health_ms: number[]
  health_p50_ms: number | null
}

export const ERROR_CLASSES = ['connect', 'timeout', 'reset', '4xx', '429', '5xx', 'other', 'unsent'] as const
export type ErrorClass = (typeof ERROR_CLASSES)[number]

/** In ms; null when nothing was measured. */
export interface Percentiles {
  p50: number | null
  p90: number | null
  p95: number | null
  p99: number | null
  p99_9: number | null
  max: number | null
  mean: number | null
}

/** One second of the run; `second` counts from the end of the warm-up. */
export interface Slice {
  second: number
  count: number
  errors: number
  p50: number | null
  p99: number | null
}

export interface RouteRun {
  route: string
  connections: number
  offered_rate: number
  reached_rate: number
  offered: number
  answered: number
  errors: Record<ErrorClass, number>
  error_rate: number
  latency_ms: Percentiles
  slices: Slice[]
}

export interface LoadRun {
  connections: number
  rate: number
  duration_s: number
  warmup_s: number
  routes: RouteRun[]
  total: RouteRun
  /** How late the generator itself sent; above a few ms the machine was too busy for the figures to be trusted. */
  generator_lag_ms: { p99: number; max: number }
  /** What was made for the run and what of it is left (0 when all was removed). */
  scratch: { made: number; left: number }
}

export interface HostFacts {
  platform: string
  node: string
  cpus: number
  load_1m: number
  memory_free_bytes: number
  memory_total_bytes: number
  data_dir: string
  disk_free_bytes: number | null
  disk_total_bytes: number | null
}

export interface Run {
  schema: 'najimban-health/1'
  started_at: string
  finished_at: string
  verdict: State
  exit_code: 0 | 1 | 2
  grade: Grade
  score: number
  host: HostFacts
  targets: TargetRun[]
  /** Checks that belong to no single process, and budgets. */
  checks: Check[]
  load?: LoadRun
  load_skipped?: 'down'
}

/** Every check of the run, the processes' first. */
export const allChecks = (run: Pick<Run, 'targets' | 'checks'>): Check[] => [
  ...run.targets.flatMap((target) => target.checks),
  ...run.checks,
]

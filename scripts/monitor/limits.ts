/** Every number of the monitor, with its unit in its name. docs/health-monitor.md shows the same tables; a test compares them. */

export const PROBE_TIMEOUT_MS = 2000
export const ANSWER_MAX_BYTES = 4 * 1024 * 1024
/** `/health` is asked this often a run, one after the other: enough for a median and a sparkline. */
export const HEALTH_SAMPLES = 12
/** Sampling ends after this time, so that a process that answers slowly does not hold up the report. */
export const SAMPLING_MS = 1000
/** A timestamp in an answer further off than this comes from a cache or from a clock that is wrong. */
export const CLOCK_SKEW_MAX_MS = 60_000

/** A process is judged by its event loop only from this uptime: loading the code stalls it, and no limit should say that. */
export const LOOP_SETTLED_S = 60

export interface Limits {
  loop_p99_ms: number
  rss_bytes: number
  wal_bytes: number
  disk_free_bytes: number
  disk_free_percent: number
}

export const LIMITS: Limits = {
  loop_p99_ms: 100,
  rss_bytes: 512 * 1024 * 1024,
  wal_bytes: 128 * 1024 * 1024,
  disk_free_bytes: 1024 * 1024 * 1024,
  disk_free_percent: 5,
}

/** Least and most that the command line takes; the most protects the machine that is measured. */
export const LOAD_BOUNDS = {
  connections: [1, 200],
  rate: [1, 5000],
  duration: [1, 300],
} as const
export const LOAD_DEFAULTS = { connections: 10, rate: 100, duration: 10 } as const
export const WARMUP_S = 2
export const REQUEST_TIMEOUT_MS = 5000
/** p99 of the generator's own lateness above which the figures carry a warning. */
export const GENERATOR_LAG_WARN_MS = 20

export const WATCH_SECONDS = { default: 5, min: 1, max: 3600 } as const
/** While watching, a run that says the same as the one before it is kept only this often. */
export const WATCH_KEEP_EVERY_MS = 60_000

const DAY_MS = 86_400_000
/** Failures are what one looks for later: they stay longer. */
export const KEEP_MS = { healthy: 7 * DAY_MS, failed: 30 * DAY_MS } as const
/** The usual figures are the median of this many runs of the same kind. */
export const USUAL_RUNS = 10
/** A change is told when it exceeds both: smaller ones are noise on a busy machine. */
export const CHANGE_MIN_RATIO = 0.3
export const CHANGE_MIN_MS = 5

import type { QueueLimits } from './queue/queue.ts'
import type { QueueStorage } from './queue/storage.ts'
import type { BackoffOptions } from './send/backoff.ts'
import type { Credentials } from './send/credentials.ts'
import type { ReporterEvents } from './send/events.ts'
import type { Fetch } from './send/post.ts'
import type { BatchLimits } from './send/round.ts'
import type { Trouble } from './send/trouble.ts'
import type { Signals } from './signals.ts'

export interface ReporterOptions extends Credentials, ReporterEvents {
  /** Of the gateway or the collector, for example `https://reports.example.org`. */
  url: string
  /** Where reports wait; in memory without it. */
  storage?: QueueStorage
  /** Reporters that send elsewhere need another name when they share a storage. */
  name?: string
  /** What may wait; beyond it the oldest reports are dropped. 1,000 reports and 4 MiB when not said. */
  limits?: Partial<QueueLimits>
  /** What goes into one request; 100 reports and 512 KiB when not said. */
  batch?: Partial<BatchLimits>
  /** For one request with its answer; 15 seconds when not said. */
  timeoutMs?: number
  /** 1 second doubling up to 5 minutes when not said. */
  backoff?: Partial<BackoffOptions>
  /** When the network or the app comes and goes; the events of the page when not said. */
  signals?: Signals
  /** False: nothing is sent until `flush` is called. */
  isAutomatic?: boolean
  fetch?: Fetch
}

export type Enqueued =
  | { accepted: true; id: string }
  | { accepted: false; reason: 'invalid' | 'too-large' | 'storage' | 'closed'; message: string }

export interface Flushed {
  /** Reports that still wait. */
  waiting: number
  /** Why they do. */
  trouble?: Trouble
  /** When the next try is due, in milliseconds; absent when nothing is tried again by itself. */
  retryInMs?: number
}

export interface ReporterState extends Flushed {
  waitingBytes: number
  /** Since this reporter was created. */
  sent: number
  rejected: number
  dropped: number
}

const LIMITS: QueueLimits = { maxReports: 1000, maxBytes: 4 * 1024 * 1024 }
const BATCH: BatchLimits = { maxReports: 100, maxBytes: 512 * 1024 }
const BACKOFF: BackoffOptions = { baseMs: 1000, maxMs: 300_000 }
const TIMEOUT_MS = 15_000
/** A longer timer goes off at once. */
const TIMER_MAX_MS = 2 ** 31 - 1

/** @param max Infinity where there need not be an end */
function checked<T extends object>(values: T, prefix: string, max: number): T {
  for (const [name, value] of Object.entries(values) as [string, unknown][]) {
    if (typeof value === 'number' && value >= 1 && value <= max) continue
    const bounds = max === Infinity ? 'of at least 1' : `from 1 to ${max}`
    throw new TypeError(`${prefix}${name} must be a number ${bounds}`)
  }
  return values
}

/** The numbers that a reporter goes by. @throws TypeError naming the option that it cannot go by */
export const numbersOf = ({ limits, batch, backoff, timeoutMs = TIMEOUT_MS }: ReporterOptions) => ({
  limits: checked({ ...LIMITS, ...limits }, 'limits.', Infinity),
  // Of which nothing fits into a request would be asked for again and again, without a pause.
  batch: checked({ ...BATCH, ...batch }, 'batch.', Infinity),
  backoff: checked({ ...BACKOFF, ...backoff }, 'backoff.', TIMER_MAX_MS),
  ...checked({ timeoutMs }, '', TIMER_MAX_MS),
})

import { createQueue } from './queue/queue.ts'
import { memoryStorage } from './queue/storage.ts'
import { numbersOf, type Enqueued, type Flushed, type ReporterOptions, type ReporterState } from './options.ts'
import { textOfReport, type QcReport } from './report.ts'
import { backoffMs } from './send/backoff.ts'
import { credentialHeaders, CredentialsError } from './send/credentials.ts'
import { createEvents } from './send/events.ts'
import { sendRound } from './send/round.ts'
import { isPassing, type Trouble } from './send/trouble.ts'
import { addressOf } from './send/address.ts'
import { browserSignals } from './signals.ts'

export { asyncStorage, type AsyncStorageLike } from './queue/async-storage.ts'
export { memoryStorage, type QueueStorage } from './queue/storage.ts'
export { webStorage, type WebStorageLike } from './queue/web-storage.ts'
export { appSignals, browserSignals, type Signals } from './signals.ts'
export type * from './report.ts'
export type { KeySource } from './send/credentials.ts'
export type { Rejected, ReporterEvents, Sent } from './send/events.ts'
export type { Fetch } from './send/post.ts'
export type { Trouble } from './send/trouble.ts'
export type { ReportError } from './send/verdicts.ts'
export type { Dropped } from './queue/queue.ts'
export type { Enqueued, Flushed, ReporterOptions, ReporterState } from './options.ts'

export type Reporter = ReturnType<typeof createReporter>

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * Sends quality reports to a collector, through a queue that survives restarts and times without a network.
 * @throws TypeError when `url` is no http or https address, or has credentials in it, and for a number that cannot be gone by
 */
export function createReporter(options: ReporterOptions) {
  const url = addressOf(options.url)
  const { limits, batch, backoff, timeoutMs } = numbersOf(options)
  const { storage = memoryStorage(), name = 'default', isAutomatic = true } = options
  const fetch = options.fetch ?? ((...args) => globalThis.fetch(...args))
  const events = createEvents(options)
  const queue = createQueue(storage, { name, limits, onDropped: events.dropped })
  const support: { batches: boolean | undefined } = { batches: undefined }
  const closing = new AbortController()

  let running: Promise<void> | undefined
  let lastWords: Promise<void> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let trouble: Trouble | undefined
  let nextTryAt: number | undefined
  /** Before that the service does not want to hear from us (Retry-After). */
  let notBefore = 0

  const flushed = (): Flushed => ({
    waiting: queue.waiting().length,
    ...(trouble === undefined ? {} : { trouble }),
    ...(nextTryAt === undefined ? {} : { retryInMs: Math.max(0, nextTryAt - Date.now()) }),
  })

  async function round(signal: AbortSignal, isLast: boolean): Promise<Trouble | undefined> {
    try {
      await queue.refresh()
    } catch (error) {
      // What is known of the queue can be sent all the same.
      if (queue.waiting().length === 0) return { kind: 'storage', message: messageOf(error) }
    }
    if (queue.waiting().length === 0) return undefined
    try {
      const headers = await credentialHeaders(options)
      const onVerdict = (...verdict: Parameters<typeof events.verdict>) => {
        failures = 0
        events.verdict(...verdict)
      }
      return await sendRound({ queue, fetch, url, headers, timeoutMs, batch, support, signal, isLast, onVerdict })
    } catch (error) {
      const kind = error instanceof CredentialsError ? 'refused' : 'storage'
      return { kind, message: messageOf(error) }
    }
  }

  function plan(ended: Trouble | undefined): void {
    trouble = ended
    nextTryAt = undefined
    if (ended === undefined) {
      failures = 0
      return
    }
    if (ended.kind !== 'aborted') events.trouble(ended)
    if (!isPassing(ended)) return
    const now = Date.now()
    if (ended.retryAfter !== undefined) notBefore = now + ended.retryAfter
    failures++
    const wait = backoffMs(failures, backoff, { retryAfter: ended.retryAfter })
    nextTryAt = now + wait
    if (isAutomatic) schedule(wait)
  }

  function schedule(ms: number): void {
    if (closing.signal.aborted) return
    clearTimeout(timer)
    timer = setTimeout(() => void send(closing.signal), ms)
    // A process may end while reports wait: that is what the storage is for.
    ;(timer as { unref?: () => void }).unref?.()
  }

  /** One round at a time: who asks meanwhile waits for the one under way, which sends theirs too. */
  function send(signal: AbortSignal): Promise<void> {
    running ??= (async () => {
      clearTimeout(timer)
      timer = undefined
      const work = async () => plan(signal.aborted ? ABORTED : await round(signal, false))
      await (storage.exclusive === undefined ? work() : storage.exclusive(work))
    })()
      .catch((error: unknown) => plan({ kind: 'storage', message: messageOf(error) }))
      .finally(() => {
        running = undefined
        // It came when the round had looked for the last time.
        if (isAutomatic && trouble === undefined && queue.waiting().length > 0) schedule(0)
      })
    return running
  }

  function onOnline(): void {
    if (!isAutomatic) return
    failures = 0
    schedule(Math.max(0, notBefore - Date.now()))
  }

  /** Beside a round under way: the page may be gone before that has its answer. What arrives twice is stored once. */
  function onHide(): void {
    if (!isAutomatic || lastWords !== undefined || Date.now() < notBefore || trouble?.kind === 'refused') return
    lastWords = round(closing.signal, true)
      .then(() => undefined)
      .finally(() => {
        lastWords = undefined
      })
  }

  const stopListening = (options.signals ?? browserSignals())({ onOnline, onHide })
  // What an earlier run has left.
  if (isAutomatic) schedule(0)

  return {
    /**
     * Puts a report into the queue; resolves when it is in the storage. Never rejects: what cannot be taken is answered. The
     * report is read at once, so that it may be changed afterwards.
     */
    async report(report: QcReport): Promise<Enqueued> {
      if (closing.signal.aborted) return { accepted: false, reason: 'closed', message: 'the reporter is closed' }
      let text: string
      try {
        text = textOfReport(report)
      } catch (error) {
        return { accepted: false, reason: 'invalid', message: messageOf(error) }
      }
      const added = await queue.add(text)
      // When a next try is planned, or somebody has to mend something first, it waits like the others.
      if (added.accepted && isAutomatic && nextTryAt === undefined && trouble?.kind !== 'refused') schedule(0)
      return added
    },
    /**
     * Sends now what waits, except before the time that the service has asked for. Never rejects.
     * @param signal stops it; reports without an answer go on waiting
     */
    async flush({ signal }: { signal?: AbortSignal } = {}): Promise<Flushed> {
      if (closing.signal.aborted || signal?.aborted === true) return { ...flushed(), trouble: ABORTED }
      if (Date.now() < notBefore) return flushed()
      const stop = new AbortController()
      const abort = () => stop.abort()
      const signals = [closing.signal, signal].filter((each) => each !== undefined)
      signals.forEach((each) => each.addEventListener('abort', abort))
      // One that began before may have looked at the queue already.
      if (running !== undefined) await running
      await send(stop.signal)
      signals.forEach((each) => each.removeEventListener('abort', abort))
      return flushed()
    },
    state: (): ReporterState => ({ ...flushed(), waitingBytes: queue.bytes(), ...events.counts }),
    /** Stops sending and listening. Reports without an answer stay in the storage. */
    close(): void {
      closing.abort()
      clearTimeout(timer)
      stopListening()
    },
  }
}

const ABORTED: Trouble = { kind: 'aborted', message: 'sending was stopped' }

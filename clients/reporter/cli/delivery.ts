import { setTimeout as sleep } from 'node:timers/promises'
import { fileStorage } from '../queue/file-storage.ts'
import { memoryStorage } from '../queue/storage.ts'
import type { QcReport } from '../report.ts'
import { createReporter, type Trouble } from '../reporter.ts'
import type { ReportError } from '../send/verdicts.ts'
import type { Credentials } from '../send/credentials.ts'
import type { SendOptions } from './args.ts'

/** After so many reports, or bytes of them, reading waits until they are sent. */
const SLICE_REPORTS = 1000
const SLICE_BYTES = 4 * 1024 * 1024
const BACKOFF = { baseMs: 500, maxMs: 15_000 }
/** In a folder there is room for a long time without a network. */
const FOLDER_LIMITS = { maxReports: 100_000, maxBytes: 1024 ** 3 }

export interface Tally {
  stored: number
  duplicate: number
  quarantined: number
  rejected: number
  dropped: number
}

export type Delivery = ReturnType<typeof createDelivery>

/**
 * Sends reports in their order, a slice at a time, and says of each that is not simply stored what became of it, by where it
 * stood.
 */
export function createDelivery(
  { url, queue, waitMs }: Pick<SendOptions, 'url' | 'queue' | 'waitMs'>,
  access: Credentials,
  { say, signal }: { say: (line: string) => void; signal: AbortSignal },
) {
  const tally: Tally = { stored: 0, duplicate: 0, quarantined: 0, rejected: 0, dropped: 0 }
  const places = new Map<string, string>()
  let trouble: Trouble | undefined

  function tell(id: string, word: string, errors: readonly ReportError[]): void {
    const why = errors.map(({ field, message }) => (field === undefined ? message : `${field} ${message}`)).join('; ')
    say(`${places.get(id) ?? 'a report of an earlier run'}: ${word}${why === '' ? '' : `: ${why}`}`)
  }

  const reporter = createReporter({
    ...access,
    url,
    isAutomatic: false,
    storage: queue === undefined ? memoryStorage() : fileStorage(queue),
    limits: queue === undefined ? { maxReports: Infinity, maxBytes: Infinity } : FOLDER_LIMITS,
    backoff: BACKOFF,
    onSent({ id, status, errors }) {
      tally[status]++
      if (status === 'quarantined') tell(id, 'stored, but it does not fit its schema', errors)
      places.delete(id)
    },
    onRejected({ id, errors }) {
      tally.rejected++
      tell(id, 'rejected', errors)
      places.delete(id)
    },
    onDropped({ id, reason }) {
      tally.dropped++
      tell(id, reason === 'full' ? 'dropped, the queue is full' : 'dropped, its file is damaged', [])
      places.delete(id)
    },
  })

  const answered = () => tally.stored + tally.duplicate + tally.quarantined + tally.rejected

  /** Tries until everything is sent, somebody has to do something, or for so long nothing was. */
  async function deliver(): Promise<void> {
    let [deadline, before] = [Date.now() + waitMs, answered()]
    for (;;) {
      const { waiting, retryInMs, trouble: now } = await reporter.flush({ signal })
      trouble = waiting === 0 ? undefined : now
      if (answered() > before) [deadline, before] = [Date.now() + waitMs, answered()]
      if (trouble === undefined || retryInMs === undefined || Date.now() + retryInMs > deadline) return
      await sleep(retryInMs, undefined, { signal }).catch(() => undefined)
    }
  }

  return {
    tally,
    /** Why sending has stopped, when it has. */
    trouble: (): Trouble | undefined => trouble,
    waiting: (): number => reporter.state().waiting,
    /** Whether more reports may be added: they can be sent, or wait in the folder. */
    goesOn(): boolean {
      if (signal.aborted) trouble ??= { kind: 'aborted', message: 'sending was stopped' }
      return !signal.aborted && (trouble === undefined || queue !== undefined)
    },
    /** @param place where it stood: `file:line` */
    async add(report: unknown, place: string): Promise<void> {
      const added = await reporter.report(report as QcReport)
      if (!added.accepted) {
        tally.rejected++
        say(`${place}: ${added.message}`)
        return
      }
      places.set(added.id, place)
      const { waiting, waitingBytes } = reporter.state()
      const isSlice = waiting >= SLICE_REPORTS || waitingBytes >= SLICE_BYTES
      if (isSlice && trouble === undefined) await deliver()
    },
    deliver,
    close: (): void => reporter.close(),
  }
}

import type { Queue } from '../queue/queue.ts'
import { retryAfterMs } from './backoff.ts'
import { post, type Answer, type Fetch, type Posted } from './post.ts'
import { troubleOf, type Trouble } from './trouble.ts'
import { batchVerdicts, refusalErrors, singleVerdict, type ReportVerdict } from './verdicts.ts'

export interface BatchLimits {
  maxReports: number
  maxBytes: number
}

export interface RoundOptions {
  queue: Queue
  fetch: Fetch
  /** Of the collector, without a slash at its end. */
  url: string
  headers: Record<string, string>
  timeoutMs: number
  batch: BatchLimits
  /** Whether the collector takes batches: found out by the first one, and then remembered. */
  support: { batches: boolean | undefined }
  signal: AbortSignal
  /** The page is going away: one last request, or a few at once, that outlive it. */
  isLast?: boolean
  onVerdict: (id: string, verdict: ReportVerdict) => void
}

interface Letter {
  id: string
  text: string
}

const INTERNAL_ERROR = 500
const TOO_LARGE = 413
/** Says that the answer is that of an earlier request: the report was there. */
const REPLAYED = 'idempotency-replayed'
/** Browsers allow 64 KiB under way for all requests of a page that outlive it (Fetch standard); some room for others. */
const KEEPALIVE_MAX_BYTES = 60 * 1024
const KEEPALIVE_MAX_REQUESTS = 40
/** The batch is not offered: no such path, no such method, not implemented. */
const NO_BATCHES: ReadonlySet<number> = new Set([404, 405, 501])

/**
 * Sends what waits, oldest first, until there is nothing left or something is in the way, which it gives back. A report
 * at which the service fails (500) is passed over once, so that it does not hold up the others for ever.
 */
export async function sendRound(options: RoundOptions): Promise<Trouble | undefined> {
  const { queue, url, headers, timeoutMs, batch, support, signal, isLast = false, onVerdict } = options
  const passedOver = new Set<string>()
  let last: Trouble | undefined
  let failures = 0

  const ask = (path: string, type: string, body: string, extra: Record<string, string> = {}): Promise<Posted> =>
    post(options.fetch, {
      url: url + path,
      headers: { ...headers, ...extra, 'content-type': type, accept: 'application/json' },
      body,
      timeoutMs,
      signal,
      keepalive: isLast,
    })

  /** @param wait what the service asked to wait before a report is sent again, in milliseconds */
  async function settle(id: string, verdict: ReportVerdict, wait = 0): Promise<void> {
    if (verdict.status === 'rejected' && verdict.retryable) {
      passedOver.add(id)
      const retryAfter = Math.max(wait, last?.retryAfter ?? 0)
      const message = verdict.errors[0]?.message ?? 'to be sent again'
      last = { kind: 'item', message, ...(retryAfter === 0 ? {} : { retryAfter }) }
    } else if (await queue.settle(id)) onVerdict(id, verdict)
  }

  async function sendOne({ id, text }: Letter): Promise<Trouble | undefined> {
    const answer = await ask('/ingest/qc', 'application/json', text, { 'idempotency-key': id })
    const trouble = troubleOf(answer)
    if (trouble !== undefined) {
      if (trouble.status !== INTERNAL_ERROR || failures++ > 0) return trouble
      passedOver.add(id)
      last = trouble
      return undefined
    }
    const { status, headers: fields, text: said } = answer as Answer
    const isReplayed = fields.get(REPLAYED) === 'true'
    const verdict: ReportVerdict | undefined =
      status < 300
        ? singleVerdict(said, isReplayed)
        : { status: 'rejected', errors: refusalErrors(status, said), retryable: false }
    if (verdict === undefined) return { kind: 'not-a-collector', status, message: 'the answer is not a collector’s' }
    await settle(id, verdict)
    return undefined
  }

  async function inOrder(parts: readonly Letter[][]): Promise<Trouble | undefined> {
    for (const part of parts) {
      const trouble = await sendLetters(part)
      if (trouble !== undefined) return trouble
    }
    return undefined
  }

  async function sendLetters(letters: readonly Letter[]): Promise<Trouble | undefined> {
    const singly = () => inOrder(letters.map((letter) => [letter]))
    if (letters.length === 1) return sendOne(letters[0] as Letter)
    if (support.batches === false) return singly()
    const body = letters.map(({ text }) => `${text}\n`).join('')
    const answer = await ask('/ingest/qc/batch', 'application/x-ndjson', body)
    const { status } = answer
    if (NO_BATCHES.has(status)) {
      support.batches = false
      const trouble = await singly()
      // Then it is the address that is wrong, and says nothing about batches.
      if (trouble?.kind === 'refused') support.batches = undefined
      return trouble
    }
    if (status === TOO_LARGE) {
      const half = Math.ceil(letters.length / 2)
      return inOrder([letters.slice(0, half), letters.slice(half)])
    }
    const trouble = troubleOf(answer)
    // A fault in one report can spoil the whole batch: alone, the others get through.
    if (status === INTERNAL_ERROR || (trouble === undefined && status >= 400)) return singly()
    if (trouble !== undefined) return trouble
    const verdicts = batchVerdicts((answer as Answer).text, letters.length)
    if (verdicts.length === 0) return { kind: 'not-a-collector', status, message: 'the answer is not a collector’s' }
    support.batches = true
    const wait = retryAfterMs((answer as Answer).headers)
    for (const { index, verdict } of verdicts) await settle((letters[index] as Letter).id, verdict, wait)
    const answered = new Set(verdicts.map(({ index }) => index))
    letters.forEach(({ id }, index) => {
      if (answered.has(index)) return
      passedOver.add(id)
      last = { kind: 'item', message: 'the collector said nothing about this report' }
    })
    return undefined
  }

  /** The oldest ones, as many as fit; one at least when it is not the last request. */
  async function oldest({ maxReports, maxBytes }: BatchLimits): Promise<Letter[]> {
    const letters: Letter[] = []
    let bytes = 0
    for (const entry of [...queue.waiting()]) {
      if (letters.length >= maxReports) break
      if (passedOver.has(entry.id)) continue
      bytes += entry.bytes + 1
      if (bytes > maxBytes && (isLast || letters.length > 0)) break
      const text = await queue.read(entry.id)
      if (text === undefined) bytes -= entry.bytes + 1
      else letters.push({ id: entry.id, text })
    }
    return letters
  }

  const underWay = <T>(letters: readonly Letter[], work: () => Promise<T>) =>
    queue.whileSending(
      letters.map(({ id }) => id),
      work,
    )

  async function sendLast(): Promise<Trouble | undefined> {
    const letters = await oldest({ maxReports: KEEPALIVE_MAX_REQUESTS, maxBytes: KEEPALIVE_MAX_BYTES })
    if (letters.length === 0) return undefined
    // Nobody may be there any more to send singly what was refused as a batch: only a sure thing goes as one.
    const troubles = await underWay(letters, () =>
      Promise.all(support.batches === true ? [sendLetters(letters)] : letters.map(sendOne)),
    )
    return troubles.find((trouble) => trouble !== undefined) ?? last
  }

  if (isLast) return sendLast()
  for (;;) {
    const letters = await oldest({ ...batch, ...(support.batches === false ? { maxReports: 1 } : {}) })
    if (letters.length === 0) return last
    const trouble = await underWay(letters, () => sendLetters(letters))
    if (trouble !== undefined) return trouble
    if (signal.aborted) return { kind: 'aborted', message: 'sending was stopped' }
  }
}

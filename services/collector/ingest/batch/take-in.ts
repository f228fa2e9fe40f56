import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Once } from '#shared/writes.ts'
import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import type { CollectorConfig } from '../../config.ts'
import type { CollectorMetrics } from '../../probes/metrics.ts'
import type { Admission } from '../../tenants/admission.ts'
import { overQuota } from '../../tenants/quotas.ts'
import type { Writer } from '../../writer/queue.ts'
import { failureOf } from '../../writer/protocol.ts'
import type { IngestItem, ItemOutcome } from '../item.ts'
import { utf8Refusal } from '../places.ts'
import { BrokenBatch, type Piece, type Splitter } from './split.ts'
import { countsOf, failedVerdict, overVerdict, rejected, verdictOf, type Verdict } from './verdict.ts'

export interface BatchParts {
  writer: Writer
  admission: Admission
  config: CollectorConfig
  metrics: CollectorMetrics
}

export interface Batch {
  tenantId: Tenant
  /** Name of the schema that the reports are checked against. */
  schema?: string
  /** The Idempotency-Key of the request: each report is done once under it and its place. */
  once?: Once
}

export interface TakenIn {
  verdicts: Verdict[]
  retryAfterS: number
}

/** A chunk is stored when it has this many bytes, even if it has few reports. */
const CHUNK_BYTES = 1_048_576

/**
 * Stores reports as they come in. At most two chunks are in memory, whatever the size of the batch: one that is read and one
 * that is written.
 * @returns a verdict for each, in their order, and the seconds until there is room for what a quota refused, 0 for nothing
 * @throws Problem with the verdicts so far, when it cannot be read on or nothing at all could be written
 */
export async function takeIn(
  source: AsyncIterable<Buffer>,
  splitter: Splitter,
  { tenantId, schema, once }: Batch,
  { writer, admission, config, metrics }: BatchParts,
): Promise<TakenIn> {
  const { gate, refusals } = admission
  const verdicts: Verdict[] = []
  let [chunk, bytes, read]: [[number, IngestItem][], number, number] = [[], 0, 0]
  let writing: Promise<void> = Promise.resolve()
  let refusal: unknown
  let hold = gate.hold(tenantId)
  let retryAfterS = 0

  function count(outcome: ItemOutcome): void {
    metrics.count(outcome)
    refusals.note(tenantId, outcome.status)
  }

  async function write(
    items: readonly (readonly [number, IngestItem])[],
    release: (isWritten: boolean) => void,
  ): Promise<void> {
    try {
      const outcomes = await writer
        .ingest(
          items.map(([, item]) => item),
          release,
        )
        .catch(admission.overloaded(tenantId, items.length))
      outcomes.forEach((outcome, at) => {
        verdicts.push(verdictOf((items[at] as [number, IngestItem])[0], outcome))
        if ('value' in outcome) count(outcome.value)
        else refusal ??= outcome.failure
      })
    } catch (error) {
      refusal ??= error
      for (const [index] of items) verdicts.push(failedVerdict(index, failureOf(error)))
    }
  }

  async function flush(): Promise<void> {
    const [items, { release }] = [chunk, hold]
    ;[chunk, bytes] = [[], 0]
    hold = gate.hold(tenantId)
    await writing
    if (items.length > 0) writing = write(items, release)
  }

  async function take(piece: Piece): Promise<void> {
    const index = read++
    if (index >= config.INGEST_BATCH_MAX) {
      throw new Problem('too-large', { detail: `The batch has more than ${config.INGEST_BATCH_MAX} reports` })
    }
    const refuse = (message: string) => {
      verdicts.push(rejected(index, message))
      count({ status: 'rejected', errors: [] })
    }
    if ('tooLong' in piece) return refuse(`is larger than ${config.COLLECTOR_BODY_MAX_BYTES} bytes`)
    if (!isUtf8(piece.bytes)) return refuse(utf8Refusal(piece.bytes))
    const over = hold.take(piece.bytes.length)
    if (over !== undefined) {
      refusals.count(tenantId, over.quota)
      refusal ??= overQuota(over, tenantId)
      if (over.retryAfterS < Infinity) retryAfterS = Math.max(retryAfterS, over.retryAfterS)
      return void verdicts.push(overVerdict(index, over, tenantId))
    }
    const text = piece.bytes.toString()
    const own =
      once === undefined ? {} : { once: { ...once, key: `${once.key}#${index}`, fingerprint: hash('sha256', text) } }
    chunk.push([index, { tenantId, text, ...(schema === undefined ? {} : { schema }), ...own }])
    bytes += text.length
    if (chunk.length >= config.INGEST_CHUNK || bytes >= CHUNK_BYTES) await flush()
  }

  let stopped: Problem | undefined
  try {
    for await (const part of source) for (const piece of splitter.add(part)) await take(piece)
    for (const piece of splitter.end()) await take(piece)
  } catch (error) {
    if (error instanceof BrokenBatch) stopped = new Problem('invalid-input', { detail: `The batch: ${error.message}` })
    else if (error instanceof Problem) stopped = error
    else {
      hold.release(false)
      throw error
    }
  }
  await flush()
  await writing
  verdicts.sort((one, other) => one.index - other.index)
  const isLost = refusal instanceof Problem && verdicts.every(({ retryable }) => retryable)
  if (isLost) stopped ??= refusal as Problem
  if (stopped === undefined) return { verdicts, retryAfterS }
  throw new Problem(stopped.problem, {
    ...stopped.options,
    detail: stopped.message,
    // What was not read is not worth waiting for.
    headers: { ...stopped.options.headers, connection: 'close' },
    extensions: { items: verdicts, counts: countsOf(verdicts) },
  })
}

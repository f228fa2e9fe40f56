import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { CollectorConfig } from '../../config.ts'
import { BrokenBatch, type Splitter } from '../../ingest/batch/split.ts'
import type { IngestItem } from '../../ingest/item.ts'
import type { Admission } from '../../tenants/admission.ts'
import { overQuota } from '../../tenants/quotas.ts'
import { valueOf } from '../../writer/protocol.ts'
import type { Writer } from '../../writer/queue.ts'
import type { LineSigner } from '../archive/signature.ts'
import type { Hold } from '../holds/schema.ts'
import { createLineReader, itemOf } from './read-line.ts'

export interface Refused {
  /** Place in the request, from 0. */
  index: number
  id?: string
  message: string
}

export interface TakenBack {
  restored: number
  /** They were there. */
  duplicate: number
  refused: Refused[]
}

interface TakeBackParts {
  tenantId: Tenant
  writer: Writer
  admission: Admission
  config: CollectorConfig
  signer: Pick<LineSigner, 'contentOf'>
  /** What keeps the next retention run from deleting them again; none where there is no grace. */
  grace: Hold | undefined
}

const CHUNK_BYTES = 1_048_576

/**
 * Stores reports from an archive again as they were, a chunk at a time; those that are there stay as they are.
 * @throws Problem when nothing more could be written, and when more than RETENTION_RESTORE_REFUSED_MAX lines were refused (it
 * has what became of those before); what was before is stored, and may be sent again
 */
export async function takeBack(
  source: AsyncIterable<Buffer>,
  splitter: Splitter,
  { tenantId, writer, admission, config, signer, grace }: TakeBackParts,
): Promise<TakenBack> {
  const result: TakenBack = { restored: 0, duplicate: 0, refused: [] }
  const readLine = createLineReader({ tenantId, config, signer, now: Date.now() })
  const room = admission.gate.holdReturning(tenantId)
  let [chunk, bytes, count]: [{ index: number; id: string; item: IngestItem }[], number, number] = [[], 0, 0]

  const { RETENTION_RESTORE_REFUSED_MAX: refusedMax } = config
  const refuse = (one: Refused) => void result.refused.push(one)

  async function flush(): Promise<void> {
    const items = chunk
    ;[chunk, bytes] = [[], 0]
    if (items.length === 0) return
    const outcomes = await writer.ingest(
      items.map(({ item }) => item),
      room.release,
    )
    outcomes.forEach((outcome, at) => {
      const value = valueOf(outcome)
      const { index, id } = items[at] as (typeof items)[number]
      if (value.status === 'duplicate') result.duplicate++
      else if (value.status !== 'rejected') result.restored++
      else refuse({ index, id, message: value.errors.map(({ message }) => message).join('; ') })
    })
  }

  try {
    await takeAll()
    await flush()
  } catch (error) {
    if (error instanceof BrokenBatch) throw new Problem('invalid-input', { detail: `The archive: ${error.message}` })
    throw error
  } finally {
    room.release()
  }
  result.refused.sort((one, other) => one.index - other.index)
  if (result.refused.length <= refusedMax) return result
  throw new Problem('invalid-input', {
    detail: `More than ${refusedMax} lines (RETENTION_RESTORE_REFUSED_MAX) were refused; what follows was not read`,
    extensions: { ...result, refused: result.refused.slice(0, refusedMax) },
  })

  /** All pieces, or those up to the one with which too many are refused: each is work, and a few bytes. */
  async function takeAll(): Promise<void> {
    for await (const part of source) {
      for (const piece of splitter.add(part)) {
        await take(piece)
        if (result.refused.length > refusedMax) return
      }
    }
    for (const piece of splitter.end()) await take(piece)
  }

  async function take(piece: ReturnType<Splitter['end']>[number]): Promise<void> {
    const index = count++
    if ('tooLong' in piece) return refuse({ index, message: 'is too long for a report' })
    const line = readLine(piece.bytes)
    if ('message' in line) return refuse({ index, ...line })
    const { id } = line.report
    const item = itemOf(tenantId, line.report, grace)
    const over = room.take(Buffer.byteLength(item.text))
    if (over !== undefined) {
      admission.refusals.count(tenantId, over.quota)
      return refuse({ index, id, message: overQuota(over, tenantId).message })
    }
    chunk.push({ index, id, item })
    bytes += piece.bytes.length
    if (chunk.length >= config.INGEST_CHUNK || bytes >= CHUNK_BYTES) await flush()
  }
}

import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import { isUtf8 } from 'node:buffer'
import type { CollectorConfig } from '../../config.ts'
import { BrokenBatch, type Splitter } from '../../ingest/batch/split.ts'
import type { IngestItem } from '../../ingest/item.ts'
import type { Writer } from '../../writer/queue.ts'
import { valueOf } from '../../writer/protocol.ts'
import { archivedReport, type ArchivedReport } from '../archive/line.ts'
import type { Hold } from '../holds/schema.ts'

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
  config: CollectorConfig
  /** What keeps the next retention run from deleting them again; none where there is no grace. */
  grace: Hold | undefined
}

type Line = { index: number; report: ArchivedReport } | { index: number; message: string }

const CHUNK_BYTES = 1_048_576
/** More faults than this help nobody. */
const REFUSED_MAX = 100

function readLine(index: number, bytes: Buffer): Line {
  if (!isUtf8(bytes)) return { index, message: 'is not valid UTF-8' }
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch (error) {
    return { index, message: `is not JSON: ${(error as Error).message.toWellFormed()}` }
  }
  const { error, value: report } = archivedReport.validate(value)
  return error === undefined ? { index, report } : { index, message: error.message.replaceAll('"', '') }
}

function itemOf(tenantId: Tenant, archived: ArchivedReport): IngestItem {
  const { id, createdAt, updatedAt, severity, policyVersion, schemaName, labels, state, errors = [] } = archived
  const { markdown, report } = archived
  return {
    tenantId,
    text: JSON.stringify(markdown === undefined ? report : { ...report, markdown }),
    ...(schemaName === undefined ? {} : { schema: schemaName }),
    restored: {
      id,
      createdAt,
      known: {
        updatedAt,
        ...(severity === undefined ? {} : { severity }),
        ...(policyVersion === undefined ? {} : { policyVersion }),
        ...(labels === undefined ? {} : { labels }),
        errors: state === 'stored' ? [] : errors,
      },
    },
  }
}

/**
 * Stores reports from an archive again as they were, a chunk at a time; those that are there stay as they are.
 * @throws Problem when nothing more could be written; what was before is stored, and may be sent again
 */
export async function takeBack(
  source: AsyncIterable<Buffer>,
  splitter: Splitter,
  { tenantId, writer, config, grace }: TakeBackParts,
): Promise<TakenBack> {
  const result: TakenBack = { restored: 0, duplicate: 0, refused: [] }
  let [chunk, bytes, count]: [{ index: number; report: ArchivedReport }[], number, number] = [[], 0, 0]

  const refuse = (one: Refused) => {
    if (result.refused.length < REFUSED_MAX) result.refused.push(one)
  }

  async function flush(): Promise<void> {
    const items = chunk
    ;[chunk, bytes] = [[], 0]
    if (items.length === 0) return
    // First the hold: a run that comes in between must not find them without it.
    const ids = items.map(({ report }) => report.id)
    if (grace !== undefined) await writer.run('holdReturning', tenantId, ids, grace)
    const outcomes = await writer.ingest(items.map(({ report }) => itemOf(tenantId, report)))
    outcomes.forEach((outcome, at) => {
      const value = valueOf(outcome)
      const { index, report } = items[at] as (typeof items)[number]
      if (value.status === 'duplicate') result.duplicate++
      else if (value.status !== 'rejected') result.restored++
      else refuse({ index, id: report.id, message: value.errors.map(({ message }) => message).join('; ') })
    })
  }

  try {
    for await (const part of source) {
      for (const piece of splitter.add(part)) await take(piece)
    }
    for (const piece of splitter.end()) await take(piece)
  } catch (error) {
    if (error instanceof BrokenBatch) throw new Problem('invalid-input', { detail: `The archive: ${error.message}` })
    throw error
  }
  await flush()
  result.refused.sort((one, other) => one.index - other.index)
  return result

  async function take(piece: ReturnType<Splitter['end']>[number]): Promise<void> {
    const index = count++
    if ('tooLong' in piece) return refuse({ index, message: 'is too long for a report' })
    const line = readLine(index, piece.bytes)
    if ('message' in line) return refuse(line)
    chunk.push(line)
    bytes += piece.bytes.length
    if (chunk.length >= config.INGEST_CHUNK || bytes >= CHUNK_BYTES) await flush()
  }
}

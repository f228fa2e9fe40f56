import { brotliCompressSync, constants } from 'node:zlib'
import { collector } from '../../../test/collector.ts'
import type { Verdict } from '../verdict.ts'

export interface Answered {
  items: Verdict[]
  counts: Record<string, number>
  message?: string
}

export const report = (n: number) => ({ status: { api: 'pass' }, notes: [`보고 ${n}`] })
export const reports = (count: number) => Array.from({ length: count }, (_, n) => report(n))

export async function batches(t: Parameters<typeof collector>[0], env: Record<string, string> = {}) {
  const service = await collector(t, env)
  const send = async (payload: unknown, headers: Record<string, string> = {}) => {
    const answer = await service.ask('/ingest/qc/batch', {
      method: 'POST',
      payload,
      headers: { 'content-type': 'application/json', ...headers },
    })
    return { status: answer.statusCode, headers: answer.headers, ...answer.json<Answered>() }
  }
  const total = async (query = '') =>
    (await service.ask(`/reports?limit=1${query}`)).json<{ pagination: { totalCount: number } }>().pagination.totalCount
  return { ...service, send, total }
}

/** A hundred megabytes of one character, in a few hundred bytes. */
export const dense = (character: string) =>
  brotliCompressSync(Buffer.alloc(104_857_000, character), { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })

export const LINES = { 'content-type': 'application/x-ndjson' }

import { request, type RequestOptions } from 'node:http'
import type { Address } from '#shared/addresses.ts'

const ANSWER_MAX_BYTES = 4 * 1024 * 1024

/**
 * One small GET of the gateway itself (probes, metrics, OpenAPI documents).
 * @param timeoutMs for the whole exchange
 * @throws Error when the upstream is away, slow or says more than 4 MiB
 */
export function ask(address: Address, path: string, timeoutMs: number): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions = { ...address, path, agent: false, signal: AbortSignal.timeout(timeoutMs) }
    const asked = request(options, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > ANSWER_MAX_BYTES) response.destroy(new Error('the answer is too large'))
        chunks.push(chunk)
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }))
    })
    asked.on('error', reject)
    asked.end()
  })
}

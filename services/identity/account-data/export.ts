import { PassThrough, type Readable } from 'node:stream'
import { ZipFile } from 'yazl'
import type { InternalClient } from '#shared/internal.ts'
import { Problem } from '#shared/problem.ts'
import type { Owner } from '#shared/scope.ts'
import { DATA_SERVICES } from './deletion.ts'

interface Part {
  name: string
  open(): Promise<Readable>
}

const STREAM_TIMEOUT_MS = 3_600_000

/**
 * The files that all services have of an account.
 * @throws Problem unavailable (503) naming the service that does not answer: a part of the data is no export
 */
export async function partsOf(account: Owner, internal: InternalClient): Promise<Part[]> {
  const base = `/internal/accounts/${encodeURIComponent(account)}/files`
  const lists = DATA_SERVICES.map(async (service) => {
    const answer = await internal.ask<{ files: string[] }>(service, base).catch(() => undefined)
    if (answer?.status !== 200) {
      throw new Problem('unavailable', { detail: `The ${service} does not answer`, headers: { 'retry-after': '5' } })
    }
    return answer.body.files.map((file) => ({
      name: `${service}/${file}`,
      async open() {
        const path = `${base}/${file.split('/').map(encodeURIComponent).join('/')}`
        const stream = await internal.open(service, path, { timeoutMs: STREAM_TIMEOUT_MS })
        if (stream.statusCode === 200) return stream
        stream.resume()
        throw new Error(`the ${service} answers ${stream.statusCode} for ${file}`)
      },
    }))
  })
  return (await Promise.all(lists)).flat()
}

/**
 * A zip of an account, made while it is read: one file of one service is open at a time.
 * @param account what identity knows, as account.json
 */
export function accountZip(account: object, parts: readonly Part[]): Readable {
  const zip = new ZipFile()
  const output = zip.outputStream as Readable
  const fail = (error: unknown) => output.destroy(error as Error)
  zip.on('error', fail)
  let current: Readable | undefined
  zip.addBuffer(Buffer.from(JSON.stringify(account, null, 2)), 'account.json')
  for (const part of parts) {
    zip.addReadStreamLazy(part.name, (callback) => {
      part.open().then((stream) => {
        current = stream
        // The error of a source must end the zip: a client that got half of it must not take it for the whole.
        stream.on('error', fail)
        callback(null, stream.pipe(new PassThrough()))
      }, fail)
    })
  }
  zip.end()
  // A client that leaves in the middle must not leave the service's answer open.
  output.on('close', () => current?.destroy())
  return output
}

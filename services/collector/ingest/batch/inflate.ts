import { Problem } from '#shared/problem.ts'
import type { IncomingMessage } from 'node:http'
import type { Readable, Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'

/** Content codings of RFC 9110 8.4.1; x-gzip is gzip. */
const DECODERS = new Map<string, () => Transform>([
  ['gzip', () => createGunzip()],
  ['x-gzip', () => createGunzip()],
  ['br', () => createBrotliDecompress()],
  ['deflate', () => createInflate()],
])

const unknownCoding = () =>
  new Problem('unsupported-media-type', {
    detail: 'Batches are taken as they are or coded once with gzip, br or deflate',
    headers: { 'accept-encoding': 'gzip, br, deflate' },
  })

const tooLarge = (maxBytes: number) =>
  new Problem('too-large', { detail: `The batch has more than ${maxBytes} bytes (after its content coding is undone)` })

/**
 * The bytes of a request's body with its content coding undone, as they come: nothing is read ahead of who asks for it, so a
 * bomb is as small here as it is on the wire.
 * @param coding the Content-Encoding field
 * @throws Problem too-large (413) as soon as more than `maxBytes` came out, invalid-input (400) for a damaged coding
 */
export async function* inflated(body: IncomingMessage, coding: string, maxBytes: number): AsyncGenerator<Buffer> {
  const name = coding.trim().toLowerCase()
  const decoder = name === '' || name === 'identity' ? undefined : (DECODERS.get(name) ?? unknown())()
  const source: Readable = decoder === undefined ? body : body.pipe(decoder)
  // A client that leaves ends the body, and nobody would end the decoder.
  body.once('error', (error) => decoder?.destroy(error))
  let size = 0
  try {
    // The request itself is not to be destroyed: the refusal goes out on its socket.
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxBytes) throw tooLarge(maxBytes)
      yield chunk
    }
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem('invalid-input', { detail: `The body cannot be read: ${(error as Error).message}` })
  } finally {
    if (decoder !== undefined) {
      body.unpipe(decoder)
      decoder.destroy()
    }
    body.resume()
  }
}

function unknown(): never {
  throw unknownCoding()
}

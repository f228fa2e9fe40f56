import { Problem } from '#shared/problem.ts'
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  type BrotliDecompress,
  type Gunzip,
  type Inflate,
} from 'node:zlib'

type Decoder = BrotliDecompress | Gunzip | Inflate

/** Content codings of RFC 9110 8.4.1; x-gzip is gzip. */
const DECODERS = new Map<string, () => Decoder>([
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

const tooDense = (ratioMax: number) =>
  new Problem('too-large', { detail: `The batch is more than ${ratioMax} times as large as what was sent of it` })

export interface InflateBounds {
  /** Most bytes that may come out. */
  maxBytes: number
  /** Most bytes that may come out of one that goes in. */
  ratioMax: number
  /** Says that nobody waits for the answer any more. */
  signal: AbortSignal
}

/** Little may be as dense as it likes. */
const DENSE_BYTES = 1_048_576
/** Longest time of this thread for one batch while others wait. */
const TURN_MS = 10

/** What comes out, also that which a fault overtakes: it came out before, and nobody had asked for it yet. */
async function* chunksOf(source: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    // The request itself is not to be destroyed: the refusal goes out on its socket.
    yield* source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  } catch (error) {
    if (signal.aborted) throw error
    for (let rest = source.read() as Buffer | null; rest !== null; rest = source.read() as Buffer | null) yield rest
    throw error
  }
}

/**
 * The bytes of a request's body with its content coding undone, as they come: nothing is read ahead of who asks for it, so a
 * bomb is as small here as it is on the wire.
 * @param coding the Content-Encoding field
 * @throws Problem too-large (413) as soon as more came out than may, invalid-input (400) for a damaged coding or
 * a client that left
 */
export async function* inflated(
  body: IncomingMessage,
  coding: string,
  { maxBytes, ratioMax, signal }: InflateBounds,
): AsyncGenerator<Buffer> {
  const name = coding.trim().toLowerCase()
  const decoder = name === '' || name === 'identity' ? undefined : (DECODERS.get(name) ?? unknown())()
  const source: Readable = decoder === undefined ? body : body.pipe(decoder)
  // A client that leaves ends the body, and nobody would end the decoder.
  body.once('error', (error) => decoder?.destroy(error))
  const stop = () => decoder?.destroy(signal.reason as Error)
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop)
  let [size, since] = [0, performance.now()]
  try {
    for await (const chunk of chunksOf(source, signal)) {
      size += chunk.length
      if (size > maxBytes) throw tooLarge(maxBytes)
      if (decoder !== undefined && size > DENSE_BYTES && size > ratioMax * decoder.bytesWritten)
        throw tooDense(ratioMax)
      yield chunk
      if (performance.now() - since < TURN_MS) continue
      await turn()
      since = performance.now()
      signal.throwIfAborted()
    }
  } catch (error) {
    if (error instanceof Problem) throw error
    const reason = `${(error as Error).message} (after ${size} bytes of the batch)`
    throw new Problem('invalid-input', { detail: `The body cannot be read: ${reason}` })
  } finally {
    signal.removeEventListener('abort', stop)
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

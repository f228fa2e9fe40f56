import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest, RequestPayload } from 'fastify'
import { Problem } from '#shared/problem.ts'
import type { DiaryConfig } from '../config.ts'
import type { ImageFiles } from './files.ts'
import { imageReceiver, type ImageReceiver, type ReceivedImage } from './receive.ts'
import { createImageScanner } from './scanner.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The images that came as data URLs in this request's body. */
    embedded: EmbeddedImages | undefined
  }
}

export type EmbeddedImages = ReturnType<typeof createEmbeddedImages>
type BodyConfig = Pick<DiaryConfig, 'BODY_MAX_BYTES' | 'DIARY_MAX_IMAGES' | 'UPLOAD_MAX_BYTES'>

const IS_JSON = /^application\/(?:[\w.-]+\+)?json\b/i
const NONCE_BYTES = 18

/** Room in a body for all images in base64, with some more for escaped slashes; each image has its own limit beside. */
export const bodyLimitOf = (config: BodyConfig): number =>
  config.BODY_MAX_BYTES + config.DIARY_MAX_IMAGES * (1024 + 2 * config.UPLOAD_MAX_BYTES)

/** Received images, known in the parsed body by references that nobody outside can guess. */
export function createEmbeddedImages(files: ImageFiles) {
  const nonce = randomBytes(NONCE_BYTES).toString('base64url')
  const images = new Map<string, ReceivedImage>()
  let closed = false
  return {
    reference: (index: number) => `${nonce}:${index}`,
    async add(image: ReceivedImage): Promise<void> {
      images.set(`${nonce}:${images.size}`, image)
      if (closed) await files.discard(image.id)
    },
    size: () => images.size,
    get: (reference: string) => images.get(reference),
    /** These are the write's to keep or to delete now. */
    take(taken: readonly ReceivedImage[]): void {
      for (const [reference, image] of images) if (taken.includes(image)) images.delete(reference)
    },
    /** Deletes what nobody took. */
    async discard(): Promise<void> {
      closed = true
      for (const { id } of images.values()) await files.discard(id)
    },
  }
}

/** The JSON of a request without its data URLs, which go to temporary files as they come. */
async function* withoutImages(
  request: FastifyRequest,
  source: Readable,
  embedded: EmbeddedImages,
  receive: () => ImageReceiver,
  config: BodyConfig,
  seen: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const fingerprint = request.headers['idempotency-key'] === undefined ? undefined : createHash('sha256')
  fingerprint?.update(`${request.method} ${request.url}\n`)
  const limit = bodyLimitOf(config)
  let received = 0
  let left = 0
  let refusal: unknown
  let current: ImageReceiver | undefined
  const scanner = createImageScanner({
    placeholder: embedded.reference,
    begin() {
      if (embedded.size() >= config.DIARY_MAX_IMAGES) {
        throw new Problem('too-large', { detail: `An entry may have at most ${config.DIARY_MAX_IMAGES} images` })
      }
      const receiver = receive()
      current = receiver
      return {
        write: receiver.write,
        async finish() {
          await embedded.add(await receiver.finish())
          current = undefined
        },
      }
    },
  })
  try {
    // Returning early must not destroy the request: its socket has the answer still to carry.
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      received += chunk.length
      seen(received)
      if (received > limit) throw new Problem('too-large', { detail: `A body may have at most ${limit} bytes` })
      // A refused body is read to its end all the same: a client that is still sending would not see the answer.
      if (refusal !== undefined) continue
      fingerprint?.update(chunk)
      try {
        for (const piece of await scanner.scan(chunk)) {
          left += piece.length
          if (left > config.BODY_MAX_BYTES) {
            throw new Problem('too-large', {
              detail: `A body may have at most ${config.BODY_MAX_BYTES} bytes beside its images`,
            })
          }
          if (piece.length > 0) yield piece
        }
      } catch (error) {
        refusal = error
        await current?.abort()
        current = undefined
      }
    }
    if (refusal !== undefined) throw refusal
    if (fingerprint !== undefined) request.fingerprint = fingerprint.digest('hex')
  } finally {
    await current?.abort()
  }
}

/**
 * A preParsing hook: JSON bodies with images of many megabytes are never held in memory. What is left of the body has
 * BODY_MAX_BYTES as its limit; the images are in `request.embedded`, and files that no handler took are deleted when
 * the request is over, however it ends.
 */
export function embeddedImages(files: ImageFiles, config: BodyConfig) {
  const receive = imageReceiver(files, config.UPLOAD_MAX_BYTES)
  return async (request: FastifyRequest, reply: FastifyReply, payload: RequestPayload): Promise<RequestPayload> => {
    if (!IS_JSON.test(request.headers['content-type'] ?? '')) return payload
    const embedded = createEmbeddedImages(files)
    request.embedded = embedded
    reply.raw.once('close', () => void embedded.discard().catch((error: unknown) => request.log.warn({ err: error })))
    const seen = (bytes: number) => (rest.receivedEncodedLength = bytes)
    const rest: Readable & { receivedEncodedLength?: number } = Readable.from(
      withoutImages(request, payload as Readable, embedded, receive, config, seen),
    )
    return rest
  }
}

import { open } from 'node:fs/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { noneMatchHits } from '#shared/etag.ts'
import { Problem } from '#shared/problem.ts'
import type { ImageFiles } from './files.ts'
import { ifRangeHolds, rangeOf } from './range.ts'
import type { StoredImage } from './store.ts'
import { IMAGE_TYPES } from './types.ts'

/** An image never changes under its id; and whatever its bytes are, no browser is to run them. */
const HEADERS = {
  'cache-control': 'private, max-age=31536000, immutable',
  'content-security-policy': "default-src 'none'; sandbox",
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-site',
  'accept-ranges': 'bytes',
}

export const imageNotFound = () => new Problem('not-found', { error: 'Image not found', detail: 'Image not found' })

/** Sends an image, a range of it, or word that the client has it already (RFC 9110 sections 13 and 14). */
export async function serveImage(files: ImageFiles, image: StoredImage, request: FastifyRequest, reply: FastifyReply) {
  const etag = `"${image.sha256}"`
  const { headers, method } = request
  if (noneMatchHits(headers['if-none-match'], etag))
    return reply
      .code(304)
      .headers({ ...HEADERS, etag })
      .send()

  const wanted = method === 'GET' && ifRangeHolds(headers['if-range'] as string | undefined, etag)
  const range = wanted ? rangeOf(headers.range, image.bytes) : undefined
  if (range === 'unsatisfiable') {
    throw new Problem('range-not-satisfiable', { headers: { 'content-range': `bytes */${image.bytes}` } })
  }
  const { start, end } = range ?? { start: 0, end: image.bytes - 1 }
  const file = await open(files.pathOf(image), 'r').catch((error: unknown) => {
    request.log.error({ err: error, image: image.id }, 'the file of an image is missing')
    throw imageNotFound()
  })
  void reply
    .code(range === undefined ? 200 : 206)
    .type(image.type)
    .headers({ ...HEADERS, etag, 'content-length': end - start + 1 })
    .header('content-disposition', `inline; filename="${image.id}.${IMAGE_TYPES[image.type]}"`)
  if (range !== undefined) reply.header('content-range', `bytes ${start}-${end}/${image.bytes}`)
  if (method === 'HEAD') {
    await file.close()
    return reply.send()
  }
  return reply.send(file.createReadStream({ start, end }))
}

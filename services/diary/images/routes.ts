import type { FastifyReply, FastifyRequest } from 'fastify'
import { userOf } from '#shared/caller.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { EntryParts } from '../entries/changes.ts'
import { currentEntry } from '../entries/current.ts'
import { entryAnswer, idOf } from '../entries/schema.ts'
import { timestamp } from '#shared/timestamp.ts'
import { appendImages } from './arrange.ts'
import { placeFiles } from './place.ts'
import { entryImageParams } from './schema.ts'
import { imageNotFound, serveImage } from './serve.ts'
import { createUpload, uploadLimitOf } from './upload.ts'

const tags = ['diary images']

export function imageRoutes({ entries, images, files, writes, config }: EntryParts) {
  const upload = createUpload(files, config)
  const limit = uploadLimitOf(config)

  async function serve(request: FastifyRequest, reply: FastifyReply) {
    const { id } = request.params as { id: string }
    // An <img> sends no headers: where callers only name themselves, the id, which nobody can guess, is the permission.
    const image = await (config.ACCESS === 'open' ? images.find(id) : images.byId(userOf(request), id))
    if (image === undefined) throw imageNotFound()
    return serveImage(files, image, request, reply)
  }

  return async (app: App) => {
    app.addContentTypeParser('multipart/form-data', (_request, _payload, done) => done(null))

    app.route({
      method: ['GET', 'HEAD'],
      url: '/api/diaries/images/:id',
      schema: { tags, summary: 'An image; ranges and conditional requests are answered', params: idOf },
      handler: serve,
    })

    app.post(
      '/api/diaries/:id/images',
      {
        bodyLimit: limit,
        schema: {
          tags,
          summary: 'Add images to an entry',
          description:
            'multipart/form-data with one or more files (JPEG, PNG, WebP, AVIF, GIF) in image, images or file',
          consumes: ['multipart/form-data'],
          params: idOf,
          response: { 201: entryAnswer },
        },
      },
      async (request, reply) => {
        const user = userOf(request)
        const { id } = request.params
        const { headers } = request
        if (headers['content-type'] !== undefined && !/^multipart\/form-data\b/i.test(headers['content-type'])) {
          throw new Problem('unsupported-media-type', { detail: 'Images are taken as multipart/form-data' })
        }
        if (Number(headers['content-length'] ?? 0) > limit) {
          reply.header('connection', 'close')
          throw new Problem('too-large', { detail: `A form may have at most ${limit} bytes` })
        }
        currentEntry(entries, request, user, id)
        const received = await upload(request, reply)
        return placeFiles(files, request.log, received, (outcome) =>
          writes.answer(request, reply, user, () => {
            currentEntry(entries, request, user, id)
            const now = timestamp()
            appendImages(images, user, id, received, config.DIARY_MAX_IMAGES, now)
            entries.touch(user, id, now)
            outcome.placed = true
            return { status: 201, body: entries.byId(user, id) as string }
          }),
        )
      },
    )

    app.delete(
      '/api/diaries/:id/images/:imageId',
      { schema: { tags, summary: 'Delete an image of an entry', params: entryImageParams } },
      async (request, reply) => {
        const user = userOf(request)
        const { id, imageId } = request.params
        return placeFiles(files, request.log, [], (outcome) =>
          writes.answer(request, reply, user, () => {
            currentEntry(entries, request, user, id)
            const image = images.byId(user, imageId)
            if (image === undefined || image.entry_id !== id) throw imageNotFound()
            images.remove(user, imageId)
            entries.touch(user, id, timestamp())
            outcome.dropped = [image]
            return { status: 204 }
          }),
        )
      },
    )
  }
}

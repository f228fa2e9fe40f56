import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { userOf } from '#shared/caller.ts'
import { etagOf, requireMatch } from '#shared/etag.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { DiaryConfig } from '../config.ts'
import { arrangeImages, receivedOf, wantedImages } from '../images/arrange.ts'
import { bodyLimitOf, embeddedImages } from '../images/body.ts'
import type { ImageFiles } from '../images/files.ts'
import { placeFiles } from '../images/place.ts'
import type { ImageStore } from '../images/store.ts'
import { timestamp } from '../timestamp.ts'
import { JSON_TYPE, pageOf, sendPage } from './page.ts'
import {
  daysOf,
  entryAnswer,
  entryListAnswer,
  entryParams,
  entrySchemas,
  envelopeAnswer,
  idParams,
  idQuery,
  requireDateAndContent,
  requireDateOrId,
  type EntryChange,
} from './schema.ts'
import type { EntryStore } from './store.ts'

export interface EntryParts {
  entries: EntryStore
  images: ImageStore
  files: ImageFiles
  writes: Writes
  config: DiaryConfig
}

/** What a write on an entry may need: how the caller's shape wraps its representation. */
type Shape = (document: string) => string

const bare: Shape = (document) => document
/** The shape of the newer front end, which names entries in the query. */
const enveloped: Shape = (document) => `{"success":true,"data":${document}}`

export const entryNotFound = () =>
  new Problem('not-found', { error: 'Diary entry not found', detail: 'Diary entry not found' })

const tags = ['diary entries']

export function entryRoutes({ entries, images, files, writes, config }: EntryParts) {
  const schemas = entrySchemas(config)
  const intake = { bodyLimit: bodyLimitOf(config), preParsing: embeddedImages(files, config) }

  /** The entry as the caller last saw it. @throws Problem 404, 412 */
  function current(request: FastifyRequest, user: string, id: string, shape: Shape): string {
    const document = entries.byId(user, id)
    if (document === undefined) throw entryNotFound()
    requireMatch(request.headers['if-match'], etagOf(shape(document)))
    return document
  }

  async function change(request: FastifyRequest, reply: FastifyReply, id: string, shape: Shape) {
    const user = userOf(request)
    const body = (request.body ?? {}) as EntryChange
    const wanted =
      body.images === undefined || body.images === null
        ? undefined
        : wantedImages(body.images, request.embedded, config.DIARY_MAX_IMAGES)
    const received = receivedOf(wanted ?? [])
    request.embedded?.take(received)
    return placeFiles(files, request.log, received, (outcome) =>
      writes.answer(request, reply, user, () => {
        current(request, user, id, shape)
        const now = timestamp()
        entries.update(user, id, body, now)
        if (wanted !== undefined) outcome.dropped = arrangeImages(images, user, id, wanted, now)
        outcome.placed = true
        return { status: 200, body: shape(entries.byId(user, id) as string) }
      }),
    )
  }

  function remove(request: FastifyRequest, reply: FastifyReply, id: string, shape?: Shape) {
    const user = userOf(request)
    return placeFiles(files, request.log, [], (outcome) =>
      writes.answer(request, reply, user, () => {
        const document = current(request, user, id, shape ?? bare)
        outcome.dropped = images.ofEntry(user, id)
        entries.remove(user, id)
        return shape === undefined ? { status: 204 } : { status: 200, body: shape(document) }
      }),
    )
  }

  return async (app: App) => {
    app.get(
      '/api/diaries',
      {
        schema: {
          tags,
          summary: 'List entries, newest first; with date= or id= the one entry as {success, data}',
          querystring: schemas.list,
          response: { 200: entryListAnswer },
        },
      },
      async (request, reply) => {
        const user = userOf(request)
        const { date, id, limit } = request.query
        if (date !== undefined || id !== undefined) {
          const found = id === undefined ? entries.byDate(user, date as string) : entries.byId(user, id)
          return reply.type(JSON_TYPE).send(enveloped((await found) ?? 'null'))
        }
        const page = { ...daysOf(request.query), ...pageOf(request.query) }
        return sendPage(request, reply, await entries.list(user, page), limit)
      },
    )

    app.get(
      '/api/diaries/:key',
      {
        schema: {
          tags,
          summary: 'Read an entry by its date or id',
          params: entryParams,
          response: { 200: entryAnswer },
        },
      },
      async (request, reply) => {
        const { key } = request.params
        const user = userOf(request)
        const isById = requireDateOrId(key) === 'id'
        const document = await (isById ? entries.byId(user, key.toLowerCase()) : entries.byDate(user, key))
        if (document === undefined) throw entryNotFound()
        return reply.type(JSON_TYPE).send(document)
      },
    )

    app.post(
      '/api/diaries',
      {
        ...intake,
        preValidation: async (request: FastifyRequest) => requireDateAndContent(request.body),
        schema: {
          tags,
          summary: 'Write the entry of a date; images may be base64 data URLs',
          body: schemas.create,
          response: { 201: entryAnswer },
        },
      },
      async (request, reply) => {
        const user = userOf(request)
        const entry = request.body
        const wanted = wantedImages(entry.images ?? [], request.embedded, config.DIARY_MAX_IMAGES)
        const received = receivedOf(wanted)
        request.embedded?.take(received)
        return placeFiles(files, request.log, received, (outcome) =>
          writes.answer(request, reply, user, () => {
            const id = randomUUID()
            const now = timestamp()
            if (!entries.insert(user, id, entry, now)) {
              throw new Problem('conflict', { detail: `There is an entry for ${entry.date} already` })
            }
            arrangeImages(images, user, id, wanted, now)
            outcome.placed = true
            return { status: 201, body: entries.byId(user, id) as string }
          }),
        )
      },
    )

    for (const method of ['PUT', 'PATCH'] as const) {
      app.route({
        ...intake,
        method,
        url: '/api/diaries/:id',
        schema: {
          tags,
          summary: 'Change an entry: what is omitted or null stays, [] empties; images left out are deleted',
          params: idParams,
          body: schemas.change,
          response: { 200: entryAnswer },
        },
        handler: (request, reply) => change(request, reply, (request.params as { id: string }).id, bare),
      })
      app.route({
        ...intake,
        method,
        url: '/api/diaries',
        schema: {
          tags,
          summary: 'Change an entry, in the shape {success, data}',
          querystring: idQuery,
          body: schemas.change,
          response: { 200: envelopeAnswer },
        },
        handler: (request, reply) => change(request, reply, (request.query as { id: string }).id, enveloped),
      })
    }

    app.delete(
      '/api/diaries/:id',
      { schema: { tags, summary: 'Delete an entry and its images', params: idParams } },
      (request, reply) => remove(request, reply, request.params.id),
    )
    app.delete(
      '/api/diaries',
      {
        schema: {
          tags,
          summary: 'Delete an entry, in the shape {success, data}; data is the entry as it was',
          querystring: idQuery,
          response: { 200: envelopeAnswer },
        },
        config: { etag: false },
      },
      (request, reply) => remove(request, reply, request.query.id, enveloped),
    )
  }
}

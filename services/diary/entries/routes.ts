import type { FastifyRequest } from 'fastify'
import { userOf } from '#shared/caller.ts'
import type { App } from '#shared/server.ts'
import { bodyLimitOf, embeddedImages } from '../images/body.ts'
import { entryChanges, type EntryParts } from './changes.ts'
import { enveloped, entryNotFound } from './current.ts'
import { JSON_TYPE, pageOf, sendPage } from './page.ts'
import {
  daysOf,
  entryAnswer,
  entryListAnswer,
  entryParams,
  entrySchemas,
  envelopeAnswer,
  idOf,
  requireDateAndContent,
  requireDateOrId,
  type EntryChange,
  type IdOf,
} from './schema.ts'

const tags = ['diary entries']

export function entryRoutes(parts: EntryParts) {
  const { entries, files, config } = parts
  const schemas = entrySchemas(config)
  const changes = entryChanges(parts)
  const intake = { bodyLimit: bodyLimitOf(config), preParsing: embeddedImages(files, config) }

  return async (app: App) => {
    app.get(
      '/api/diaries',
      {
        config: { cached: true },
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
          const document = await (id === undefined ? entries.byDate(user, date as string) : entries.byId(user, id))
          return reply.type(JSON_TYPE).send(enveloped(document ?? 'null'))
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
          summary: 'Read the entry of a date, or by its id',
          params: entryParams,
          response: { 200: entryAnswer },
        },
      },
      async (request, reply) => {
        const { key } = request.params
        const user = userOf(request)
        const isId = requireDateOrId(key) === 'id'
        const document = await (isId ? entries.byId(user, key.toLowerCase()) : entries.byDate(user, key))
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
      (request, reply) => changes.create(request, reply, request.body),
    )

    for (const method of ['PUT', 'PATCH'] as const) {
      app.route<{ Params: IdOf; Body: EntryChange }>({
        ...intake,
        method,
        url: '/api/diaries/:id',
        schema: {
          tags,
          summary: 'Change an entry: what is omitted or null stays, [] empties; images left out are deleted',
          params: idOf,
          body: schemas.change,
          response: { 200: entryAnswer },
        },
        handler: (request, reply) => changes.change(request, reply, request.params.id, request.body),
      })
      app.route<{ Querystring: IdOf; Body: EntryChange }>({
        ...intake,
        method,
        url: '/api/diaries',
        schema: {
          tags,
          summary: 'Change an entry, in the shape {success, data}',
          querystring: idOf,
          body: schemas.change,
          response: { 200: envelopeAnswer },
        },
        handler: (request, reply) => changes.change(request, reply, request.query.id, request.body, enveloped),
      })
    }

    app.delete(
      '/api/diaries/:id',
      { schema: { tags, summary: 'Delete an entry and its images', params: idOf } },
      (request, reply) => changes.remove(request, reply, request.params.id),
    )
    app.delete(
      '/api/diaries',
      {
        config: { etag: false },
        schema: {
          tags,
          summary: 'Delete an entry, in the shape {success, data}; data is the entry as it was',
          querystring: idOf,
          response: { 200: envelopeAnswer },
        },
      },
      (request, reply) => changes.remove(request, reply, request.query.id, enveloped),
    )
  }
}

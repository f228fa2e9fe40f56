import type { FastifyRequest } from 'fastify'
import { userOf } from '#shared/caller.ts'
import { etagOf, requireMatch } from '#shared/etag.ts'
import { decodeCursor, encodeCursor, nextLink } from '#shared/pagination.ts'
import { invalidField, Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { Owner } from '#shared/scope.ts'
import type { CalendarConfig } from '../config.ts'
import { JSON_TYPE } from '../fields.ts'
import { boundOf } from '../times.ts'
import {
  createSchema,
  deletedSchema,
  listSchema,
  oneSchema,
  querySchema,
  updateSchema,
  type EventInput,
  type EventQuery,
} from './schema.ts'
import { changedSpan, newSpan } from './span.ts'
import type { EventKey, EventSelection, EventStore } from './store.ts'

interface ById {
  Params: { id: string }
}

const HEAD = Buffer.from('{"status":"success","data":')
const DELETED = { status: 'success', message: 'Event deleted successfully' }

export const eventNotFound = () => new Problem('not-found', { detail: 'Event not found' })

/** What a list's query selects. @throws Problem invalid-input naming the parameter */
function selectionOf(query: EventQuery, defaultZone: string): EventSelection {
  const { time_zone: zone = defaultZone, limit, type, cursor } = query
  const from = query.start ?? query.start_date
  const to = query.end ?? query.end_date
  const start = from === undefined ? undefined : boundOf(from, zone, 'start')
  const end = to === undefined ? undefined : boundOf(to, zone, 'end')
  if (start !== undefined && end !== undefined && end < start) {
    throw invalidField('querystring', 'end', 'end must not be before start')
  }
  const after = cursor === undefined ? undefined : (decodeCursor(cursor, ['string', 'string']) as unknown as EventKey)
  return { start, end, type, after, limit, offset: after === undefined ? (query.page - 1) * limit : 0 }
}

/** /api/calendar/events: an envelope `{status, data, count?}` around events. */
export const eventRoutes =
  (store: EventStore, writes: Writes, config: CalendarConfig) =>
  async (routes: App): Promise<void> => {
    const zone = config.DEFAULT_TIME_ZONE
    const tags = ['events']

    /** Guards of a write to one event, inside its transaction. */
    function requireEvent(request: FastifyRequest<ById>, user: Owner) {
      const event = store.find(user, request.params.id)
      if (event === undefined) throw eventNotFound()
      const field = request.headers['if-match']
      if (field !== undefined) requireMatch(field, etagOf(store.read(user, event.id) as string))
      return event
    }

    routes.get<{ Querystring: EventQuery }>(
      '/',
      {
        config: { cached: true },
        schema: {
          tags,
          summary: 'Events by start, those that overlap start..end',
          querystring: querySchema(config.EVENTS_LIST_MAX),
          response: { 200: listSchema },
        },
      },
      async (request, reply) => {
        const { data, count, last } = await store.list(userOf(request), selectionOf(request.query, zone))
        const cursor = last === undefined ? undefined : encodeCursor(last)
        if (cursor !== undefined) reply.header('link', nextLink(request.url, cursor))
        const more = cursor === undefined ? '' : `,"next_cursor":"${cursor}"`
        return reply.type(JSON_TYPE).send(Buffer.concat([HEAD, data, Buffer.from(`,"count":${count}${more}}`)]))
      },
    )

    routes.get<ById>(
      '/:id',
      { schema: { tags, summary: 'One event', response: { 200: oneSchema } } },
      async (request, reply) => {
        const text = await store.read(userOf(request), request.params.id)
        if (text === undefined) throw eventNotFound()
        return reply.type(JSON_TYPE).send(text)
      },
    )

    routes.post<{ Body: EventInput }>(
      '/',
      { schema: { tags, summary: 'A new event', body: createSchema, response: { 201: oneSchema } } },
      (request, reply) => {
        const user = userOf(request)
        const event = { ...request.body, ...newSpan(request.body, zone) }
        return writes.answer(request, reply, user, () => ({ status: 201, body: store.insert(user, event) }))
      },
    )

    for (const method of ['PUT', 'PATCH'] as const) {
      routes.route<ById & { Body: Partial<EventInput> }>({
        method,
        url: '/:id',
        schema: { tags, summary: 'Changes the fields that are sent', body: updateSchema, response: { 200: oneSchema } },
        handler: (request, reply) => {
          const user = userOf(request)
          return writes.answer(request, reply, user, () => {
            const stored = requireEvent(request, user)
            const event = { ...stored, ...request.body, ...changedSpan(stored, request.body) }
            return { status: 200, body: store.update(user, event) }
          })
        },
      })
    }

    routes.delete<ById>(
      '/:id',
      { config: { etag: false }, schema: { tags, summary: 'Deletes an event', response: { 200: deletedSchema } } },
      (request, reply) => {
        const user = userOf(request)
        return writes.answer(request, reply, user, () => {
          store.remove(user, requireEvent(request, user).id)
          return { status: 200, body: DELETED }
        })
      },
    )
  }

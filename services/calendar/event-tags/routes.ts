import type { FastifyRequest } from 'fastify'
import { userOf } from '#shared/caller.ts'
import { etagOf, requireMatch } from '#shared/etag.ts'
import { invalidField, Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { Owner } from '#shared/scope.ts'
import type { CalendarConfig } from '../config.ts'
import { eventNotFound } from '../events/routes.ts'
import type { EventStore } from '../events/store.ts'
import { JSON_TYPE } from '../fields.ts'
import { tagsSchema } from '../tags/schema.ts'
import { replaceSchema, type EventTagsInput } from './schema.ts'
import type { EventTagStore } from './store.ts'

interface OfEvent {
  Params: { eventId: string }
}
interface OneOfEvent {
  Params: { eventId: string; tagId: string }
}

/** Unknown tags that a refusal names. */
const UNKNOWN_SHOWN = 10

/** The tags of one event, mounted where `:eventId` is known; bare arrays, by name. */
export const eventTagRoutes =
  (store: EventTagStore, events: EventStore, writes: Writes, config: CalendarConfig) =>
  async (routes: App): Promise<void> => {
    const tags = ['event tags']

    /** Guards of a write to an event's tags, inside its transaction; If-Match is about their list. */
    function requireEvent(request: FastifyRequest<OfEvent>, user: Owner): string {
      const { eventId } = request.params
      if (events.find(user, eventId) === undefined) throw eventNotFound()
      const field = request.headers['if-match']
      if (field !== undefined) requireMatch(field, etagOf(store.list(user, eventId)))
      return eventId
    }

    routes.get<OfEvent>(
      '/',
      { schema: { tags, summary: "An event's tags by name", response: { 200: tagsSchema } } },
      async (request, reply) => {
        const user = userOf(request)
        const event = await events.find(user, request.params.eventId)
        if (event === undefined) throw eventNotFound()
        return reply.type(JSON_TYPE).send(await store.list(user, event.id))
      },
    )

    routes.post<OfEvent & { Body: EventTagsInput }>(
      '/',
      {
        schema: {
          tags,
          summary: 'Replaces all tags of an event',
          body: replaceSchema(config.TAGS_MAX),
          response: { 200: tagsSchema },
        },
      },
      (request, reply) => {
        const user = userOf(request)
        return writes.answer(request, reply, user, () => {
          const eventId = requireEvent(request, user)
          const unknown = store.unknown(user, request.body.tagIds)
          if (unknown.length > 0) {
            const more = unknown.length > UNKNOWN_SHOWN ? ', ...' : ''
            const shown = unknown.slice(0, UNKNOWN_SHOWN).join(', ')
            throw invalidField('body', 'tagIds', `tagIds has unknown tags: ${shown}${more}`)
          }
          store.replace(user, eventId, request.body.tagIds)
          return { status: 200, body: store.list(user, eventId) }
        })
      },
    )

    routes.delete<OneOfEvent>(
      '/:tagId',
      { schema: { tags, summary: 'Takes one tag off an event' } },
      (request, reply) => {
        const user = userOf(request)
        return writes.answer(request, reply, user, () => {
          const eventId = requireEvent(request, user)
          if (!store.remove(user, eventId, request.params.tagId)) {
            throw new Problem('not-found', { detail: 'The event does not have this tag' })
          }
          return { status: 204 }
        })
      },
    )
  }

import type { FastifyRequest } from 'fastify'
import { userOf } from '#shared/caller.ts'
import { etagOf, requireMatch } from '#shared/etag.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { Owner } from '#shared/scope.ts'
import type { CalendarConfig } from '../config.ts'
import { JSON_TYPE } from '../fields.ts'
import { createSchema, tagSchema, tagsSchema, updateSchema, type TagInput } from './schema.ts'
import type { TagStore } from './store.ts'

interface ById {
  Params: { id: string }
}

const tagNotFound = () => new Problem('not-found', { detail: 'Tag not found' })

/** /api/calendar/tags: bare tags. A user's first request makes the default ones. */
export const tagRoutes =
  (store: TagStore, writes: Writes, config: CalendarConfig) =>
  async (routes: App): Promise<void> => {
    const tags = ['tags']

    /** Guards of a write to one tag, inside its transaction. */
    function requireTag(request: FastifyRequest<ById>, user: Owner) {
      const tag = store.find(user, request.params.id)
      if (tag === undefined) throw tagNotFound()
      const field = request.headers['if-match']
      if (field !== undefined) requireMatch(field, etagOf(store.read(user, tag.id) as string))
      return tag
    }

    function requireFreeName(user: Owner, name: string, id?: string): void {
      const holder = store.named(user, name)
      if (holder === undefined || holder === id) return
      throw new Problem('conflict', {
        detail: `There is already a tag named ${name}`,
        errors: [{ in: 'body', field: 'name', message: 'name is already used by another tag' }],
      })
    }

    routes.get(
      '/',
      { schema: { tags, summary: 'All tags by name', response: { 200: tagsSchema } } },
      async (request, reply) => {
        const user = userOf(request)
        if (!(await store.isSeeded(user))) await writes.run(() => store.seed(user))
        return reply.type(JSON_TYPE).send(await store.list(user))
      },
    )

    routes.get<ById>(
      '/:id',
      { schema: { tags, summary: 'One tag', response: { 200: tagSchema } } },
      async (request, reply) => {
        const text = await store.read(userOf(request), request.params.id)
        if (text === undefined) throw tagNotFound()
        return reply.type(JSON_TYPE).send(text)
      },
    )

    routes.post<{ Body: TagInput }>(
      '/',
      { schema: { tags, summary: 'A new tag', body: createSchema, response: { 201: tagSchema } } },
      (request, reply) => {
        const user = userOf(request)
        return writes.answer(request, reply, user, () => {
          store.seed(user)
          requireFreeName(user, request.body.name)
          if (store.count(user) >= config.TAGS_MAX) {
            throw new Problem('conflict', { detail: `A user has at most ${config.TAGS_MAX} tags (TAGS_MAX)` })
          }
          return { status: 201, body: store.insert(user, request.body) }
        })
      },
    )

    for (const method of ['PUT', 'PATCH'] as const) {
      routes.route<ById & { Body: Partial<TagInput> }>({
        method,
        url: '/:id',
        schema: { tags, summary: 'Changes the fields that are sent', body: updateSchema, response: { 200: tagSchema } },
        handler: (request, reply) => {
          const user = userOf(request)
          return writes.answer(request, reply, user, () => {
            const tag = { ...requireTag(request, user), ...request.body }
            requireFreeName(user, tag.name, tag.id)
            return { status: 200, body: store.update(user, tag) }
          })
        },
      })
    }

    routes.delete<ById>(
      '/:id',
      { schema: { tags, summary: 'Deletes a tag, also from its events' } },
      (request, reply) => {
        const user = userOf(request)
        return writes.answer(request, reply, user, () => {
          store.remove(user, requireTag(request, user).id)
          return { status: 204 }
        })
      },
    )
  }

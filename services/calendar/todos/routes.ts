import type { FastifyReply, FastifyRequest } from 'fastify'
import { userOf } from '#shared/caller.ts'
import { etagOf, requireMatch } from '#shared/etag.ts'
import { decodeCursor, encodeCursor, nextLink } from '#shared/pagination.ts'
import { invalidField, Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { Owner } from '#shared/scope.ts'
import type { CalendarConfig } from '../config.ts'
import { JSON_TYPE } from '../fields.ts'
import { isDate } from '../times.ts'
import {
  createSchema,
  pageSchema,
  querySchema,
  todoSchema,
  todosSchema,
  updateSchema,
  type TodoInput,
  type TodoQuery,
} from './schema.ts'
import type { TodoKey, TodoRow, TodoSelection, TodoStore } from './store.ts'

interface ById {
  Params: { id: string }
}

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/

const todoNotFound = () => new Problem('not-found', { detail: 'Todo not found' })

function pageOf({ cursor, limit, page }: Pick<TodoQuery, 'cursor' | 'limit' | 'page'>) {
  if (cursor === undefined) return { limit, offset: (page - 1) * limit }
  return { limit, offset: 0, after: decodeCursor(cursor, ['string', 'number', 'number']) as unknown as TodoKey }
}

/** What a list's query selects. @throws Problem invalid-input naming the parameter */
function selectionOf(query: TodoQuery): TodoSelection {
  const { date, from = date, to = date, completed } = query
  if (from !== undefined && to !== undefined && to < from) {
    throw invalidField('querystring', 'to', 'to must not be before from')
  }
  return { from, to, completed, ...pageOf(query) }
}

/** /api/calendar/todos: bare todos. */
export const todoRoutes =
  (store: TodoStore, writes: Writes, config: CalendarConfig) =>
  async (routes: App): Promise<void> => {
    const tags = ['todos']
    const max = config.TODOS_LIST_MAX

    async function answerList(request: FastifyRequest, reply: FastifyReply, selection: TodoSelection) {
      const { data, next } = await store.list(userOf(request), selection)
      if (next !== undefined) reply.header('link', nextLink(request.url, encodeCursor(next)))
      return reply.type(JSON_TYPE).send(data)
    }

    /** Changes one todo in a write, if it is there and If-Match allows. */
    function change(request: FastifyRequest<ById>, reply: FastifyReply, deed: (user: Owner, todo: TodoRow) => string) {
      const user = userOf(request)
      return writes.answer(request, reply, user, () => {
        const todo = store.find(user, request.params.id)
        if (todo === undefined) throw todoNotFound()
        const field = request.headers['if-match']
        if (field !== undefined) requireMatch(field, etagOf(store.read(user, todo.id) as string))
        const body = deed(user, todo)
        return body === '' ? { status: 204 } : { status: 200, body }
      })
    }

    routes.get<{ Querystring: TodoQuery }>(
      '/',
      {
        config: { cached: true },
        schema: {
          tags,
          summary: 'Todos by date, high before medium before low',
          querystring: querySchema(max),
          response: { 200: todosSchema },
        },
      },
      (request, reply) => answerList(request, reply, selectionOf(request.query)),
    )

    // A date and an id share one place in the path: their shapes tell them apart.
    routes.get<{ Params: { dateOrId: string }; Querystring: TodoQuery }>(
      '/:dateOrId',
      { schema: { tags, summary: "A date's todos (array), or the todo of that id", querystring: pageSchema(max) } },
      async (request, reply) => {
        const { dateOrId } = request.params
        if (UUID.test(dateOrId)) {
          const text = await store.read(userOf(request), dateOrId)
          if (text === undefined) throw todoNotFound()
          return reply.type(JSON_TYPE).send(text)
        }
        if (!isDate(dateOrId)) throw invalidField('params', 'date', 'date must be a real date YYYY-MM-DD, or a todo id')
        return answerList(request, reply, { from: dateOrId, to: dateOrId, ...pageOf(request.query) })
      },
    )

    routes.post<{ Body: TodoInput }>(
      '/',
      { schema: { tags, summary: 'A new todo', body: createSchema, response: { 201: todoSchema } } },
      (request, reply) => {
        const user = userOf(request)
        const todo = { ...request.body, completed: Number(request.body.completed) }
        return writes.answer(request, reply, user, () => ({ status: 201, body: store.insert(user, todo) }))
      },
    )

    for (const method of ['PUT', 'PATCH'] as const) {
      routes.route<ById & { Body: Partial<TodoInput> }>({
        method,
        url: '/:id',
        schema: {
          tags,
          summary: 'Changes the fields that are sent',
          body: updateSchema,
          response: { 200: todoSchema },
        },
        handler: (request, reply) =>
          change(request, reply, (user, todo) => {
            const { completed = todo.completed, ...rest } = request.body
            return store.update(user, { ...todo, ...rest, completed: Number(completed) })
          }),
      })
    }

    routes.patch<ById>(
      '/:id/toggle',
      { schema: { tags, summary: 'Turns completed over', response: { 200: todoSchema } } },
      (request, reply) =>
        change(request, reply, (user, todo) => store.update(user, { ...todo, completed: 1 - todo.completed })),
    )

    routes.delete<ById>('/:id', { schema: { tags, summary: 'Deletes a todo' } }, (request, reply) =>
      change(request, reply, (user, todo) => {
        store.remove(user, todo.id)
        return ''
      }),
    )
  }

import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import type { App } from '#shared/server.ts'
import type { CollectorConfig } from '../config.ts'
import type { Writer } from '../writer/queue.ts'
import { noSuchReport, representation } from './representation.ts'
import { reportListQuery, reportListSchema, reportParams, reportSchema } from './schema.ts'
import type { Stores } from '../engine/engine.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

export const reportRoutes =
  ({ reports: store, holds }: Stores, writer: Writer, config: CollectorConfig) =>
  async (app: App) => {
    app.get(
      '/reports',
      {
        config: { versioned: true },
        schema: {
          tags: ['reports'],
          summary: 'Reports, newest first or as `sort` says',
          querystring: reportListQuery(config),
          response: { 200: reportListSchema },
        },
      },
      async (request) => {
        const { page, limit, cursor, sort, ...filter } = request.query
        const places = sort.endsWith('severity') ? 3 : 2
        const after = cursor === undefined ? undefined : decodeCursor(cursor, Array<'number'>(places).fill('number'))
        const { reports, totalCount, next } = await store.list(request.caller.tenant, filter, {
          sort,
          limit,
          offset: (page - 1) * limit,
          ...(after === undefined ? {} : { after: after as number[] }),
        })
        const nextCursor = next === undefined ? {} : { nextCursor: encodeCursor(next) }
        const totalPages = Math.ceil(totalCount / limit)
        return { reports, pagination: { page, limit, totalCount, totalPages, ...nextCursor } }
      },
    )

    app.get(
      '/reports/:id',
      { schema: { tags: ['reports'], summary: 'One report', params: reportParams, response: { 200: reportSchema } } },
      async (request, reply) => {
        const { tenant } = request.caller
        const { id } = request.params
        const found = await store.get(tenant, id)
        if (found === undefined) throw noSuchReport()
        return reply.type(JSON_TYPE).send(representation(found, await holds.get(tenant, id)))
      },
    )

    app.delete(
      '/reports/:id',
      {
        schema: { tags: ['reports'], summary: 'Delete one report and its links', params: reportParams },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const { 'if-match': ifMatch } = request.headers
        await writer.answer(request, reply, tenant, ['removeReport', tenant, request.params.id, ifMatch])
        return reply
      },
    )
  }

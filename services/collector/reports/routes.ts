import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import { etagOf, matchHits } from '#shared/etag.ts'
import type { App } from '#shared/server.ts'
import type { FastifyRequest } from 'fastify'
import type { CollectorConfig } from '../config.ts'
import type { Writer } from '../writer/queue.ts'
import { noSuchReport, representation } from './representation.ts'
import { reportListQuery, reportListSchema, reportParams, reportSchema } from './schema.ts'
import type { Stores } from '../engine/engine.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

/** The tag that a GET of the request's URL has now. */
type TagOf = (request: FastifyRequest) => Promise<string>

export const reportRoutes =
  ({ reports: store, holds }: Stores, writer: Writer, config: CollectorConfig, tagOf: TagOf) =>
  async (app: App) => {
    /** If-Match names what the caller has read by the version of everything; what is to be deleted is compared by itself. */
    async function expectedOf(request: FastifyRequest, id: string): Promise<string | undefined> {
      const { 'if-match': ifMatch } = request.headers
      if (ifMatch === undefined || ifMatch.trim() === '*') return ifMatch
      const { tenant } = request.caller
      const [found, hold] = [await store.get(tenant, id), await holds.get(tenant, id)]
      // Read before the version is: when that is still the one that the caller has, so is this.
      const isKnown = found !== undefined && matchHits(ifMatch, await tagOf(request))
      return isKnown ? etagOf(representation(found, hold)) : ifMatch
    }

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
          // Beyond every report, and a number that each engine can skip.
          offset: Math.min((page - 1) * limit, Number.MAX_SAFE_INTEGER),
          ...(after === undefined ? {} : { after: after as number[] }),
        })
        const nextCursor = next === undefined ? {} : { nextCursor: encodeCursor(next) }
        const totalPages = Math.ceil(totalCount / limit)
        return { reports, pagination: { page, limit, totalCount, totalPages, ...nextCursor } }
      },
    )

    app.get(
      '/reports/:id',
      {
        config: { versioned: true },
        schema: { tags: ['reports'], summary: 'One report', params: reportParams, response: { 200: reportSchema } },
      },
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
        const { id } = request.params
        const expected = await expectedOf(request, id)
        await writer.answer(request, reply, tenant, ['removeReport', tenant, id, expected])
        return reply
      },
    )
  }

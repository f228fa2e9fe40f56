import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import { invalidField } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Stores } from '../../engine/engine.ts'
import { reportParams } from '../../reports/schema.ts'
import { signerOf } from '../../tenants/guard.ts'
import type { Writer } from '../../writer/queue.ts'
import { heldReportSchema, holdBody, holdListQuery, holdListSchema } from './schema.ts'

const tags = ['report administration']

export const holdRoutes = (store: Stores['holds'], writer: Writer) => async (app: App) => {
  app.get(
    '/admin/retention/holds',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'Reports on hold, those that came last first',
        querystring: holdListQuery,
        response: { 200: holdListSchema },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query
      const before = cursor === undefined ? [] : (decodeCursor(cursor, ['string']) as [string])
      const { holds, next } = await store.list(request.caller.tenant, limit, ...before)
      return { holds, ...(next === undefined ? {} : { nextCursor: encodeCursor(next) }) }
    },
  )

  app.put(
    '/reports/:id/hold',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'Put a report on hold: neither retention nor anybody else deletes it',
        params: reportParams,
        body: holdBody,
        response: { 200: heldReportSchema },
      },
    },
    async (request, reply) => {
      const { tenant } = request.caller
      const { reason, until } = request.body
      const at = Date.now()
      if (until !== undefined && until <= at) throw invalidField('body', 'until', 'must be in the future')
      const hold = { reason, by: signerOf(request.caller), at, ...(until === undefined ? {} : { until }) }
      await writer.answer(request, reply, tenant, ['putHold', tenant, request.params.id, hold])
      return reply
    },
  )

  app.delete(
    '/reports/:id/hold',
    { config: { etag: false }, schema: { tags, summary: 'End the hold of a report', params: reportParams } },
    async (request, reply) => {
      const { tenant } = request.caller
      await writer.answer(request, reply, tenant, ['removeHold', tenant, request.params.id])
      return reply
    },
  )
}

import { invalidField } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import { reportParams } from '../../reports/schema.ts'
import { signerOf } from '../../tenants/guard.ts'
import type { Writer } from '../../writer/queue.ts'
import { heldReportSchema, holdBody } from './schema.ts'

const tags = ['report administration']

export const holdRoutes = (writer: Writer) => async (app: App) => {
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

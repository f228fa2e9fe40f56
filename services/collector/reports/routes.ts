import { etagOf, requireMatch } from '#shared/etag.ts'
import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import { reportListQuery, reportListSchema, reportParams, reportSchema } from './schema.ts'
import type { ReportStore, StoredReport } from './store.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

/** The same answer for a report that never was and for another tenant's. */
export const noSuchReport = () => new Problem('not-found', { detail: 'Report not found' })

/** A report's representation. Its text goes out as it is stored: nothing is parsed on the way. */
export const representation = ({ id, tenantId, report, markdown, createdAt, updatedAt }: StoredReport): string =>
  `{"id":${JSON.stringify(id)},"tenantId":${JSON.stringify(tenantId)},"report":${report},` +
  (markdown === null ? '' : `"markdown":${JSON.stringify(markdown)},`) +
  `"createdAt":${createdAt},"updatedAt":${updatedAt}}`

export const reportRoutes = (store: ReportStore, writes: Writes, config: CollectorConfig) => async (app: App) => {
  app.get(
    '/reports',
    {
      schema: {
        tags: ['reports'],
        summary: 'Reports, newest first',
        querystring: reportListQuery(config),
        response: { 200: reportListSchema },
      },
    },
    async (request) => {
      const { page, limit, cursor, ...filter } = request.query
      const after = cursor === undefined ? undefined : decodeCursor(cursor, ['number', 'number'])
      const { reports, totalCount, next } = await store.list(request.caller.tenant, filter, {
        limit,
        offset: (page - 1) * limit,
        ...(after === undefined ? {} : { after: after as [number, number] }),
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
      const found = await store.get(request.caller.tenant, request.params.id)
      if (found === undefined) throw noSuchReport()
      return reply.type(JSON_TYPE).send(representation(found))
    },
  )

  app.delete(
    '/reports/:id',
    {
      schema: { tags: ['reports'], summary: 'Delete one report and its links', params: reportParams },
    },
    (request, reply) => {
      const { tenant } = request.caller
      const { id } = request.params
      return writes.answer(request, reply, tenant, () => {
        const found = store.get(tenant, id)
        if (found === undefined) throw noSuchReport()
        requireMatch(request.headers['if-match'], etagOf(representation(found)))
        store.remove(tenant, id)
        return { status: 204 }
      })
    },
  )
}

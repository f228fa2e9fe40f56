import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import type { App } from '#shared/server.ts'
import type { CollectorConfig } from '../config.ts'
import type { AuditLog } from './log.ts'
import { auditQuery, auditSchema } from './schema.ts'

export const auditRoutes = (audit: AuditLog, config: CollectorConfig) => async (app: App) => {
  app.get(
    '/admin/audit/logs',
    {
      schema: {
        tags: ['report administration'],
        summary: "The tenant's requests, newest first",
        querystring: auditQuery(config),
        response: { 200: auditSchema },
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query
      const after = cursor === undefined ? undefined : (decodeCursor(cursor, ['number', 'number']) as [number, number])
      const { logs, next } = await audit.list(request.caller.tenant, filter, limit, after)
      return { logs, count: logs.length, ...(next === undefined ? {} : { nextCursor: encodeCursor(next) }) }
    },
  )
}

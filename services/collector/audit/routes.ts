import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import type { App } from '#shared/server.ts'
import type { CollectorConfig } from '../config.ts'
import type { CollectorMetrics } from '../probes/metrics.ts'
import { adminGuard } from '../tenants/guard.ts'
import type { AuditLog } from './log.ts'
import { auditQuery, auditSchema } from './schema.ts'

export const auditRoutes =
  (audit: AuditLog, config: CollectorConfig, metrics: CollectorMetrics) => async (app: App) => {
    app.get(
      '/admin/audit/logs',
      {
        onRequest: adminGuard(metrics),
        schema: {
          tags: ['admin'],
          summary: "The tenant's requests, newest first",
          querystring: auditQuery(config),
          response: { 200: auditSchema },
        },
      },
      async (request) => {
        const { limit, cursor, ...filter } = request.query
        const after =
          cursor === undefined ? undefined : (decodeCursor(cursor, ['number', 'number']) as [number, number])
        const { logs, next } = await audit.list(request.apiKey.tenant, filter, limit, after)
        return { logs, count: logs.length, ...(next === undefined ? {} : { nextCursor: encodeCursor(next) }) }
      },
    )
  }

import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import type { App } from '#shared/server.ts'
import type { CollectorConfig } from '../config.ts'
import type { CollectorMetrics } from '../probes/metrics.ts'
import { noSuchReport } from '../reports/representation.ts'
import { reportParams } from '../reports/schema.ts'
import type { Stores } from '../engine/engine.ts'
import { refused, signerOf } from '../tenants/guard.ts'
import type { Writer } from '../writer/queue.ts'
import { bundleFiles, bundleMeta, zipStream } from './bundle.ts'
import { bundleMetaSchema, bundleQuery, historyQuery, historySchema, signedSchema } from './schema.ts'
import { newToken } from './store.ts'

const tags = ['exports']

/** Where a signed bundle is, below the prefix that the gateway was asked under. */
const bundleUrl = (prefix: unknown, id: string, token: string) =>
  `${prefix === '/api/collector' ? prefix : ''}/reports/${id}/bundle.zip?token=${token}`

export const signRoutes =
  (
    reports: Stores['reports'],
    tokens: Stores['tokens'],
    writer: Writer,
    config: CollectorConfig,
    metrics: CollectorMetrics,
  ) =>
  async (app: App) => {
    app.post(
      '/reports/:id/sign',
      {
        config: { etag: false },
        schema: {
          tags,
          summary: 'Make a link to the bundle',
          params: reportParams,
          response: { 200: signedSchema },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const { id: reportId } = request.params
        const token = newToken()
        const issuedAt = Date.now()
        const expiresAt = issuedAt + config.SIGN_TOKEN_TTL_S * 1000
        reply.header('cache-control', 'no-store')
        const requestedBy = signerOf(request.caller)
        const url = bundleUrl(request.headers['x-forwarded-prefix'], reportId, token)
        const signing = { token, reportId, requestedBy, issuedAt, expiresAt }
        const body = { token, expiresAt, issuedAt, bundleUrl: url }
        const sensitive = { sensitive: true }
        const sent = await writer.answer(request, reply, tenant, ['addToken', tenant, signing, body], sensitive)
        if (sent.replayed !== true) metrics.tokensIssued.inc()
        return reply
      },
    )

    app.get(
      '/reports/:id/sign-history',
      {
        schema: {
          tags,
          summary: 'Who made links to the bundle, newest first',
          params: reportParams,
          querystring: historyQuery(config),
          response: { 200: historySchema },
        },
      },
      async (request) => {
        const { tenant } = request.caller
        const { id: reportId } = request.params
        const { limit, cursor } = request.query
        if ((await reports.ownerOf(reportId)) !== tenant) throw noSuchReport()
        const before = cursor === undefined ? [] : (decodeCursor(cursor, ['number']) as [number])
        const { history, next } = await tokens.history(tenant, reportId, limit, ...before)
        const nextCursor = next === undefined ? {} : { nextCursor: encodeCursor(next) }
        return { reportId, history, count: history.length, ...nextCursor }
      },
    )

    app.get(
      '/reports/:id/bundle-meta',
      { schema: { tags, summary: 'What the bundle holds', params: reportParams, response: { 200: bundleMetaSchema } } },
      async (request) => {
        const report = await reports.get(request.caller.tenant, request.params.id)
        if (report === undefined) throw noSuchReport()
        return bundleMeta(report)
      },
    )
  }

/** The download itself, for whoever has the link. */
export const bundleRoutes =
  (reports: Stores['reports'], tokens: Stores['tokens'], metrics: CollectorMetrics) => async (app: App) => {
    app.get(
      '/reports/:id/bundle.zip',
      {
        config: { etag: false },
        schema: { tags, summary: 'The bundle as a zip', params: reportParams, querystring: bundleQuery },
      },
      async (request, reply) => {
        const { id } = request.params
        const { token } = request.query
        // Whoever tries a report's link appears in the audit log of the report's owner.
        request.auditTenant = (await reports.ownerOf(id)) ?? ''
        if (token === '') throw refused(request, metrics, 'missing_token', 'Missing token')
        const tenant = await tokens.tenantOf(token, id, Date.now())
        const { 'x-tenant': named = tenant } = request.headers
        const report = tenant === undefined || named !== tenant ? undefined : await reports.get(tenant, id)
        if (report === undefined) throw refused(request, metrics, 'bad_token', 'Invalid or expired token')
        metrics.bundlesSent.inc()
        return reply
          .type('application/zip')
          .header('content-disposition', `attachment; filename="${report.id}.zip"`)
          .header('cache-control', 'private, no-store')
          .send(zipStream(bundleFiles(report), report.createdAt))
      },
    )
  }

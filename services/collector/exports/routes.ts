import { languageOf, type Language } from '#shared/language.ts'
import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import { Readable } from 'node:stream'
import type { CollectorConfig } from '../config.ts'
import type { Stores } from '../engine/engine.ts'
import type { CollectorMetrics } from '../probes/metrics.ts'
import { noSuchReport } from '../reports/representation.ts'
import { reportParams } from '../reports/schema.ts'
import { signerOf } from '../tenants/guard.ts'
import type { Writer } from '../writer/queue.ts'
import { bundleMeta, bundleOf } from './bundle.ts'
import type { BundleKeys } from './keys/keys.ts'
import type { Opening } from './opening.ts'
import * as schemas from './schema.ts'
import { newToken, newTokenId } from './store.ts'

const tags = ['exports']

/** Where a link leads, below the prefix that the gateway was asked under. English is not said: it is what is had without. */
function linkUrl(prefix: unknown, id: string, purpose: schemas.Purpose, token: string, language: Language): string {
  const file = purpose === 'bundle' ? 'bundle.zip' : 'report.html'
  const lang = language === 'en' ? '' : `&lang=${language}`
  return `${prefix === '/api/collector' ? prefix : ''}/reports/${id}/${file}?token=${token}${lang}`
}

interface SignParts {
  reports: Stores['reports']
  tokens: Stores['tokens']
  writer: Writer
  config: CollectorConfig
  metrics: CollectorMetrics
}

/** Links to a report: made, listed, ended. */
export const signRoutes =
  ({ reports, tokens, writer, config, metrics }: SignParts) =>
  async (app: App) => {
    app.post(
      '/reports/:id/sign',
      {
        config: { etag: false },
        schema: {
          tags,
          summary: 'Make a link to the bundle, or to the page',
          params: reportParams,
          body: schemas.signInput(config),
          response: { 200: schemas.signedSchema },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const { id: reportId } = request.params
        const { purpose, expires_in, single_use: singleUse, lang } = request.body
        const [token, id] = [newToken(), newTokenId()]
        const issuedAt = Date.now()
        const expiresAt = issuedAt + expires_in * 1000
        reply.header('cache-control', 'no-store')
        const requestedBy = signerOf(request.caller)
        const language = lang ?? languageOf(request.headers, undefined)
        const url = linkUrl(request.headers['x-forwarded-prefix'], reportId, purpose, token, language)
        const signing = { id, token, reportId, purpose, singleUse, requestedBy, issuedAt, expiresAt }
        const bundleUrl = purpose === 'bundle' ? { bundleUrl: url } : {}
        const body = { token, expiresAt, issuedAt, ...bundleUrl, url, id, purpose, singleUse }
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
          summary: 'Who made links to the report, newest first',
          params: reportParams,
          querystring: schemas.historyQuery(config),
          response: { 200: schemas.historySchema },
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

    app.delete(
      '/reports/:id/sign/:link',
      { schema: { tags, summary: 'End a link before its time', params: schemas.linkParams } },
      async (request, reply) => {
        const { tenant } = request.caller
        const { id, link } = request.params
        if (!(await writer.run('revokeToken', tenant, id, link, Date.now()))) {
          throw new Problem('not-found', { detail: 'There is no such link to this report' })
        }
        return reply.code(204).send()
      },
    )
  }

export const bundleMetaRoutes = (reports: Stores['reports'], keys: BundleKeys) => async (app: App) => {
  app.get(
    '/reports/:id/bundle-meta',
    {
      schema: {
        tags,
        summary: 'What the bundle holds',
        params: reportParams,
        querystring: schemas.languageQuery,
        response: { 200: schemas.bundleMetaSchema },
      },
    },
    async (request) => {
      const report = await reports.get(request.caller.tenant, request.params.id)
      if (report === undefined) throw noSuchReport()
      return bundleMeta(report, bundleOf(report, request.query.lang, await keys.signerFor(report.createdAt)))
    },
  )
}

/** The download itself, for whoever has the link. */
export const bundleRoutes = (opening: Opening, keys: BundleKeys, metrics: CollectorMetrics) => async (app: App) => {
  app.get(
    '/reports/:id/bundle.zip',
    {
      config: { etag: false },
      schema: { tags, summary: 'The bundle as a zip', params: reportParams, querystring: schemas.bundleQuery },
    },
    async (request, reply) => {
      const { token, lang } = request.query
      const { report, use } = await opening.byLink(request, request.params.id, token, 'bundle')
      const { zip, zipSize } = bundleOf(report, lang, await keys.signerFor(report.createdAt))
      await use()
      metrics.bundlesSent.inc()
      return reply
        .type('application/zip')
        .header('content-length', zipSize)
        .header('content-disposition', `attachment; filename="${report.id}.zip"`)
        .header('cache-control', 'private, no-store')
        .send(Readable.from(zip, { objectMode: false }))
    },
  )
}

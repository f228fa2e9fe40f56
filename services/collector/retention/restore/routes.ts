import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import Joi from 'joi'
import type { IncomingMessage } from 'node:http'
import type { CollectorConfig } from '../../config.ts'
import { goneSignal } from '../../ingest/batch/gone.ts'
import { inflated } from '../../ingest/batch/inflate.ts'
import { LINES_TYPE } from '../../ingest/batch/routes.ts'
import { lineSplitter } from '../../ingest/batch/split.ts'
import type { Admission } from '../../tenants/admission.ts'
import { signerOf } from '../../tenants/guard.ts'
import { createSlots } from '../../tenants/slots.ts'
import type { Writer } from '../../writer/queue.ts'
import type { LineSigner } from '../archive/signature.ts'
import { takeBack } from './take-back.ts'

const DAY_MS = 86_400_000

const restoredAnswer = Joi.object({
  restored: Joi.number().integer().required(),
  duplicate: Joi.number().integer().required().description('They were there; nothing was changed'),
  refused: Joi.array()
    .items(Joi.object({ index: Joi.number().integer().required(), id: Joi.string(), message: Joi.string().required() }))
    .required(),
})

/** What an archived line has beside the report: names, times, quotes of a text that are escaped. */
const LINE_FACTOR = 8

const RETRY_AFTER_S = 1

interface RestoreParts {
  writer: Writer
  admission: Admission
  config: CollectorConfig
  signer: Pick<LineSigner, 'contentOf'>
}

export const restoreRoutes = (parts: RestoreParts) => async (app: App) => {
  const { config } = parts
  const slots = createSlots({
    what: 'restores',
    max: config.RETENTION_RESTORES_MAX,
    tenantMax: config.RETENTION_RESTORES_TENANT_MAX,
    setting: 'RETENTION_RESTORES_TENANT_MAX',
    retryAfterS: RETRY_AFTER_S,
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(LINES_TYPE, (_request, payload, done) => done(null, payload))
  app.post(
    '/admin/retention/restore',
    {
      config: { etag: false, codings: true },
      schema: {
        tags: ['report administration'],
        summary: 'Store reports from an archive again as they were',
        description:
          'Lines of an archive as they are in it, signed (NDJSON, plain or gzip, br, deflate). Ids, times and states are those of before; findings are not ' +
          'told again. Reports that are there are duplicates. What comes back is on hold for RETENTION_GRACE_DAYS.',
        response: { 200: restoredAnswer },
      },
    },
    async (request, reply) => {
      const body = request.body as IncomingMessage | undefined
      if (body === undefined) throw new Problem('invalid-input', { detail: 'There is no archive in the body' })
      const at = Date.now()
      const days = config.RETENTION_GRACE_DAYS
      const hold = { reason: 'restored from an archive', by: signerOf(request.caller), at, until: at + days * DAY_MS }
      const end = slots.take(request.caller.tenant)
      return await takeBack(
        inflated(body, request.headers['content-encoding'] ?? '', {
          maxBytes: config.INGEST_BATCH_MAX_BYTES,
          ratioMax: config.INGEST_INFLATE_RATIO_MAX,
          signal: goneSignal(reply),
        }),
        lineSplitter(config.COLLECTOR_BODY_MAX_BYTES * LINE_FACTOR, config.INGEST_BATCH_MAX),
        { ...parts, tenantId: request.caller.tenant, grace: days === 0 ? undefined : hold },
      ).finally(end)
    },
  )
}

import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import { onceOf } from '#shared/writes.ts'
import type { IncomingMessage } from 'node:http'
import type { Stores } from '../../engine/engine.ts'
import { JSON_TYPE } from '../body.ts'
import { requireSchema } from '../named-schema.ts'
import { ingestQuery } from '../schema.ts'
import { admitIngest } from '../../tenants/admission.ts'
import { createSlots } from '../../tenants/slots.ts'
import { inflated } from './inflate.ts'
import { goneSignal } from './gone.ts'
import { batchSchema } from './schema.ts'
import { arraySplitter, lineSplitter } from './split.ts'
import { takeIn, type BatchParts } from './take-in.ts'
import { countsOf } from './verdict.ts'

export const LINES_TYPE = /^application\/(?:(?:x-)?ndjson|jsonl|x-jsonlines)(?:\s*;\s*charset=(?:"?utf-8"?))?\s*$/i

const RETRY_AFTER_S = 1

const notABatch = () =>
  new Problem('unsupported-media-type', {
    detail: 'A batch is a JSON array (application/json) or NDJSON (application/x-ndjson)',
    headers: { accept: 'application/json, application/x-ndjson' },
  })

export const batchRoutes = (parts: BatchParts, schemas: Stores['schemas']) => async (app: App) => {
  const { COLLECTOR_BODY_MAX_BYTES: reportMaxBytes, INGEST_BATCH_MAX: blanksMax } = parts.config
  const { INGEST_BATCH_MAX_BYTES: maxBytes, INGEST_INFLATE_RATIO_MAX: ratioMax } = parts.config
  const slots = createSlots({
    what: 'batches',
    tenantMax: parts.config.INGEST_BATCHES_TENANT_MAX,
    setting: 'INGEST_BATCHES_TENANT_MAX',
    retryAfterS: RETRY_AFTER_S,
  })
  app.removeAllContentTypeParsers()
  for (const type of [JSON_TYPE, LINES_TYPE]) {
    app.addContentTypeParser(type, (request, payload, done) => {
      // Each report has its own, by its place: the body cannot be hashed before it is read.
      request.fingerprint = 'of each report'
      done(null, payload)
    })
  }
  app.addContentTypeParser('*', (_request, _payload, done) => done(notABatch()))
  app.post(
    '/ingest/qc/batch',
    {
      config: { etag: false, codings: true },
      onRequest: admitIngest(parts.admission, false),
      schema: {
        tags: ['ingest'],
        summary: 'Take in many quality reports',
        description:
          'A JSON array or NDJSON, coded with gzip, br, deflate or not at all. It is read as it comes and every report has a ' +
          'verdict of its own; those before a fault of the batch itself are stored, and the refusal (400, 413) has their verdicts. ' +
          'Positions in a verdict count from the begin of its report, bytes in a refusal from that of the batch (decoded).',
        querystring: ingestQuery,
        response: { 200: batchSchema },
      },
    },
    async (request, reply) => {
      const { tenant: tenantId } = request.caller
      const { schema } = request.query
      await requireSchema(schemas, tenantId, schema)
      const once = onceOf(request, tenantId)
      const isLines = LINES_TYPE.test(request.headers['content-type'] ?? '')
      const end = slots.take(tenantId)
      const { verdicts: items, retryAfterS } = await takeIn(
        inflated(
          (request.body as IncomingMessage | undefined) ?? request.raw,
          request.headers['content-encoding'] ?? '',
          { maxBytes, ratioMax, signal: goneSignal(reply) },
        ),
        isLines ? lineSplitter(reportMaxBytes, blanksMax) : arraySplitter(reportMaxBytes),
        { tenantId, ...(schema === undefined ? {} : { schema }), ...(once === undefined ? {} : { once }) },
        parts,
      ).finally(end)
      // Those that are worth while to be sent again, for a quota, have room then.
      if (retryAfterS > 0) reply.header('retry-after', String(retryAfterS))
      return { items, counts: countsOf(items) }
    },
  )
}

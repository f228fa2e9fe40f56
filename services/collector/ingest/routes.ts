import { Problem, type FieldError } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import { onceOf, sendPerformed } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import type { CollectorMetrics } from '../probes/metrics.ts'
import type { Stores } from '../engine/engine.ts'
import type { Writer } from '../writer/queue.ts'
import { valueOf } from '../writer/protocol.ts'
import { admitIngest, type Admission } from '../tenants/admission.ts'
import { takeJsonText } from './body.ts'
import { ingestedSchema, ingestQuery, ingestSchema } from './schema.ts'
import { requireSchema } from './named-schema.ts'
import { ingestedBody } from './store.ts'

/** What is not a report at all, as the answer of a single one. */
export const refusal = (errors: FieldError[]) =>
  new Problem('invalid-input', { detail: errors.map(({ message }) => message).join('; '), errors })

export const ingestRoutes =
  (
    { writer, admission }: { writer: Writer; admission: Admission },
    schemas: Stores['schemas'],
    config: CollectorConfig,
    metrics: CollectorMetrics,
  ) =>
  async (app: App) => {
    takeJsonText(app)
    app.post(
      '/ingest/qc',
      {
        bodyLimit: config.COLLECTOR_BODY_MAX_BYTES,
        config: { etag: false },
        compress: false,
        onRequest: admitIngest(admission, true),
        // The writer reads the body, not this thread; the schema is for the documents.
        validatorCompiler: ({ schema, httpPart }) =>
          httpPart === 'body'
            ? (body) => ({ value: body as unknown })
            : (app.validatorCompiler?.({ schema, httpPart } as never) as never),
        schema: {
          tags: ['ingest'],
          summary: 'Take in a quality report',
          description:
            'The answer comes when the report is on disk. The same report again, or the same Idempotency-Key, stores nothing ' +
            'and gives the first answer. A report that does not fit its schema is stored in quarantine.',
          querystring: ingestQuery,
          body: ingestSchema,
          response: { 201: ingestedSchema },
        },
      },
      async (request, reply) => {
        const { tenant: tenantId } = request.caller
        const { schema } = request.query
        // Without a body and a type there is nothing that a parser would make a text of.
        const text = (request.body as unknown as string | undefined) ?? ''
        await requireSchema(schemas, tenantId, schema)
        const once = onceOf(request, tenantId)
        const item = {
          tenantId,
          text,
          ...(schema === undefined ? {} : { schema }),
          ...(once === undefined ? {} : { once }),
        }
        const hold = admission.gate.hold(tenantId)
        const over = hold.take(Buffer.byteLength(text))
        if (over !== undefined) throw admission.refuse(over, request)
        const [first] = await writer.ingest([item], hold.release).catch(admission.overloaded(tenantId, 1))
        const outcome = valueOf(first as NonNullable<typeof first>)
        admission.refusals.note(tenantId, outcome.status)
        if (outcome.status === 'rejected') throw refusal(outcome.errors)
        metrics.count(outcome)
        const replayed = outcome.status === 'duplicate'
        return sendPerformed(reply, { status: 201, body: ingestedBody(outcome.id), replayed })
      },
    )
  }

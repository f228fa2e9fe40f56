import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import type { CollectorMetrics } from '../probes/metrics.ts'
import { newReportId } from './report-id.ts'
import { ingestedSchema, ingestSchema, type IngestInput } from './schema.ts'
import { policyVersionOf, severityOf } from './severity.ts'
import type { IngestStore, NewReport } from './store.ts'

/**
 * What is stored of a report: its text as a whole, and beside it what lists are made from.
 * @param createdAt milliseconds since 1970
 */
export function newReport({ markdown, ...report }: IngestInput, createdAt: number): NewReport {
  return {
    id: newReportId(createdAt),
    createdAt,
    severity: severityOf(report.policy),
    policyVersion: policyVersionOf(report.policy),
    markdown: markdown || undefined,
    report: JSON.stringify(report),
  }
}

export const ingestRoutes =
  (store: IngestStore, writes: Writes, config: CollectorConfig, metrics: CollectorMetrics) => async (app: App) => {
    app.post(
      '/ingest/qc',
      {
        bodyLimit: config.COLLECTOR_BODY_MAX_BYTES,
        config: { etag: false },
        schema: {
          tags: ['ingest'],
          summary: 'Take in a quality report',
          description:
            'The answer comes when the report is on disk. Send an Idempotency-Key and a retry stores nothing.',
          body: ingestSchema,
          response: { 201: ingestedSchema },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const report = newReport(request.body, Date.now())
        let isStored = false
        await writes.answer(request, reply, tenant, () => {
          store.add(tenant, report)
          isStored = true
          return { status: 201, body: `{"id":"${report.id}","status":"ingested"}` }
        })
        if (isStored) {
          metrics.countIngested(report.severity)
          metrics.ingestedBytes.inc(Buffer.byteLength(report.report))
        }
        return reply
      },
    )
  }

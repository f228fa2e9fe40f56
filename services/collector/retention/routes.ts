import type { App } from '#shared/server.ts'
import type { Tenant } from '#shared/scope.ts'
import Joi from 'joi'
import type { CollectorConfig } from '../config.ts'
import type { CollectorMetrics } from '../probes/metrics.ts'
import { timeMember } from '../parameters.ts'
import type { Writer } from '../writer/queue.ts'

const DAY_MS = 86_400_000

const runSchema = Joi.object({
  tenantId: Joi.string().required(),
  retainDays: Joi.number().integer().required(),
  deleted: Joi.number().integer().required(),
  cutoffTime: timeMember(),
})

export const retentionRoutes =
  (writer: Writer, config: CollectorConfig, metrics: CollectorMetrics) => async (app: App) => {
    const { RETAIN_DAYS: retainDays, RETENTION_CHUNK: chunk } = config

    /** One transaction a chunk, so that ingest goes on in between. */
    async function deleteBefore(tenantId: Tenant, cutoffTime: number): Promise<number> {
      let deleted = 0
      for (let last = chunk; last === chunk; deleted += last) {
        last = await writer.run('removeReportsBefore', tenantId, cutoffTime, chunk)
        metrics.retentionDeleted.inc(last)
      }
      // Findings that nobody spoke of since then go with the reports, and so does what happened to others before.
      while ((await writer.run('removeFindingsBefore', tenantId, cutoffTime, chunk)) === chunk);
      return deleted
    }

    app.post(
      '/admin/retention/run',
      {
        config: { etag: false },
        schema: {
          tags: ['report administration'],
          summary: "Delete the tenant's reports that are older than RETAIN_DAYS",
          response: { 200: runSchema },
        },
      },
      async (request, reply) => {
        const { tenant: tenantId } = request.caller
        const cutoffTime = Date.now() - retainDays * DAY_MS
        // A retry with the same Idempotency-Key gets the first answer; what expired since then goes now, not later.
        const deleted = await deleteBefore(tenantId, cutoffTime)
        const body = { tenantId, retainDays, deleted, cutoffTime }
        await writer.answer(request, reply, tenantId, ['remember', 200, body])
        return reply
      },
    )
  }

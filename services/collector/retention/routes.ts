import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import type { App } from '#shared/server.ts'
import type { CollectorConfig } from '../config.ts'
import type { Stores } from '../engine/engine.ts'
import { signerOf } from '../tenants/guard.ts'
import type { Writer } from '../writer/queue.ts'
import { policyOf } from './policy.ts'
import type { Retention } from './run.ts'
import type { Schedule } from './schedule.ts'
import * as schemas from './schema.ts'
import { runItem } from './store.ts'

const tags = ['report administration']

interface RouteParts {
  stores: Pick<Stores, 'retention' | 'holds'>
  writer: Writer
  config: CollectorConfig
  retention: Retention
  schedule: Schedule
}

export const retentionRoutes =
  ({ stores, writer, config, retention, schedule }: RouteParts) =>
  async (app: App) => {
    const { retention: store, holds } = stores

    app.get(
      '/admin/retention',
      {
        config: { etag: false },
        schema: { tags, summary: "How the tenant's reports are kept", response: { 200: schemas.statusAnswer } },
      },
      async (request) => {
        const { tenant: tenantId } = request.caller
        const given = await store.policy(tenantId)
        const { runs } = await store.runs(tenantId, 1)
        const nextRunAt = await schedule.dueAt(tenantId)
        return {
          tenantId,
          ...policyOf(given, config),
          ...(given === undefined ? {} : { updatedAt: given.updatedAt, updatedBy: given.updatedBy }),
          schedule: config.RETENTION_SCHEDULE,
          ...(nextRunAt === undefined ? {} : { nextRunAt }),
          held: await holds.count(tenantId),
          ...(runs[0] === undefined ? {} : { lastRun: runItem(runs[0]) }),
        }
      },
    )

    app.put(
      '/admin/retention',
      {
        config: { etag: false },
        schema: {
          tags,
          summary: "Set how the tenant's reports are kept",
          description: 'What is not said, or null, is as the settings of the service say.',
          body: schemas.policyBody,
          response: { 200: schemas.policyAnswer },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const { retainDays, archive } = request.body
        const given = { retainDays, archive, updatedAt: Date.now(), updatedBy: signerOf(request.caller) }
        await writer.answer(request, reply, tenant, ['putRetention', tenant, given])
        return reply
      },
    )

    app.post(
      '/admin/retention/run',
      {
        config: { etag: false },
        schema: {
          tags,
          summary: "Archive and delete the tenant's reports that are older than its days",
          description:
            'Reports on hold stay. 409 while a run is under way, and when the clock seems to have jumped by more than a day ' +
            '(force_clock runs nevertheless); 507 when there is no room for the archive: nothing is deleted then.',
          querystring: schemas.runQuery,
          body: schemas.runBody,
          response: { 200: schemas.ranAnswer, 202: schemas.runAnswer },
        },
      },
      async (request, reply) => {
        const { tenant: tenantId } = request.caller
        const { dry_run: isDry, force_clock: forceClock, wait } = { ...request.body, ...request.query }
        if (isDry) return { tenantId, deleted: 0, dryRun: true, ...(await retention.dryRun(tenantId)) }
        const requestedBy = signerOf(request.caller)
        // Without a time at which it was due it is never another's.
        const begun = (await retention.begin(tenantId, { requestedBy, forceClock })) as NonNullable<
          Awaited<ReturnType<Retention['begin']>>
        >
        if (begun.isForced) request.securityEvent = 'clock_override'
        if (!wait) {
          begun.end.catch(() => {})
          return reply.code(202).send(runItem(begun.run))
        }
        const done = runItem(await begun.end)
        // A retry with the same Idempotency-Key gets the first answer; what expired since then goes now, not later.
        await writer.answer(request, reply, tenantId, ['remember', 200, { tenantId, ...done }])
        return reply
      },
    )

    app.get(
      '/admin/retention/runs',
      {
        config: { etag: false },
        schema: {
          tags,
          summary: 'What retention runs did, newest first',
          querystring: schemas.runListQuery,
          response: { 200: schemas.runListAnswer },
        },
      },
      async (request) => {
        const { limit, cursor } = request.query
        const before = cursor === undefined ? [] : (decodeCursor(cursor, ['number']) as [number])
        const { runs, next } = await store.runs(request.caller.tenant, limit, ...before)
        return { runs: runs.map(runItem), ...(next === undefined ? {} : { nextCursor: encodeCursor(next) }) }
      },
    )
  }

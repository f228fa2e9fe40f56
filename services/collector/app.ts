import type { Database } from '#shared/database.ts'
import { openKeyring } from '#shared/keyring.ts'
import { createGuardedServer } from '#shared/service.ts'
import type { Built, Deps, ProcessOptions } from '#shared/start.ts'
import { createVersionedAnswers } from '#shared/versioned-answers.ts'
import { createAuditLog, recordRequests } from './audit/log.ts'
import { auditRoutes } from './audit/routes.ts'
import { settings, type CollectorConfig } from './config.ts'
import type { Engine } from './engine/engine.ts'
import { openSqlite } from './engine/sqlite.ts'
import { bundleRoutes, signRoutes } from './exports/routes.ts'
import { findingRoutes } from './findings/routes.ts'
import { batchRoutes } from './ingest/batch/routes.ts'
import { ingestRoutes } from './ingest/routes.ts'
import { openForReading } from './migrations.ts'
import { createCollectorMetrics } from './probes/metrics.ts'
import { probeRoutes } from './probes/routes.ts'
import { reportRoutes } from './reports/routes.ts'
import { retentionRoutes } from './retention/routes.ts'
import { schemaRoutes } from './schemas/routes.ts'
import { createTenantGuard } from './tenants/guard.ts'
import { createTenants } from './tenants/tenants.ts'
import { timelineRoutes } from './timeline/routes.ts'

const INFO = {
  name: 'collector',
  title: 'Collector',
  description: 'Takes in quality reports and shows, signs and exports them',
} as const

export const collectorProcess: ProcessOptions<CollectorConfig> = {
  name: INFO.name,
  settings,
  port: (config) => config.COLLECTOR_PORT,
  openDatabase: openForReading,
  build: buildCollector,
}

export async function openEngine(config: CollectorConfig, { logger, health, database }: Deps): Promise<Engine> {
  // Refused here, or made, before the writer needs it.
  openKeyring(config)
  return await openSqlite({ db: database as Database, config, health, logger })
}

async function buildCollector(config: CollectorConfig, deps: Deps): Promise<Built> {
  return serveCollector(config, deps, await openEngine(config, deps))
}

/** The collector on its engine; it never listens. */
export function serveCollector(config: CollectorConfig, deps: Deps, engine: Engine): Built {
  const { logger, health } = deps
  const { stores, writer } = engine
  const { reports, tokens, schemas } = stores
  const metrics = createCollectorMetrics(deps.metrics.registry, writer.pending)
  const tenants = createTenants(config.API_KEYS)
  const answerCache = createVersionedAnswers(config.ANSWER_CACHE_MAX_BYTES, ({ caller }) =>
    engine.versions.of(caller.tenant),
  )
  const { app } = createGuardedServer(INFO, config, deps, {
    authenticate: createTenantGuard(tenants, metrics),
    answerCache,
  })
  const audit = createAuditLog({ store: stores.audit, writer, config, metrics, logger })

  recordRequests(app, audit, tenants)
  void app.register(probeRoutes(health, metrics))
  // The token in the link is enough: the console opens it in a new tab, without headers.
  void app.register(bundleRoutes(reports, tokens, metrics))
  void app.register(ingestRoutes(writer, schemas, config, metrics))
  void app.register(batchRoutes({ writer, config, metrics }, schemas))
  void app.register(reportRoutes(reports, writer, config))
  void app.register(findingRoutes(stores.findings, writer, config))
  void app.register(schemaRoutes(schemas, writer, config))
  void app.register(signRoutes(reports, tokens, writer, config, metrics))
  void app.register(timelineRoutes(stores.timeline, config))
  void app.register(retentionRoutes(writer, config, metrics))
  void app.register(auditRoutes(audit, config))
  const close = async () => {
    await audit.stop()
    await engine.stop()
  }
  return { app, close }
}

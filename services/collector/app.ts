import type { Database } from '#shared/database.ts'
import { openKeyring } from '#shared/keyring.ts'
import { createGuardedServer } from '#shared/service.ts'
import type { Built, Deps, ProcessOptions } from '#shared/start.ts'
import { createAuditLog, recordRequests } from './audit/log.ts'
import { auditRoutes } from './audit/routes.ts'
import { createAuditStore } from './audit/store.ts'
import { settings, type CollectorConfig } from './config.ts'
import { bundleRoutes, signRoutes } from './exports/routes.ts'
import { createTokenStore } from './exports/store.ts'
import { findingRoutes } from './findings/routes.ts'
import { createFindingStore } from './findings/store.ts'
import { batchRoutes } from './ingest/batch/routes.ts'
import { ingestRoutes } from './ingest/routes.ts'
import { openForReading } from './migrations.ts'
import { createCollectorMetrics } from './probes/metrics.ts'
import { probeRoutes } from './probes/routes.ts'
import { reportRoutes } from './reports/routes.ts'
import { createReportStore } from './reports/store.ts'
import { retentionRoutes } from './retention/routes.ts'
import { schemaRoutes } from './schemas/routes.ts'
import { createSchemaStore } from './schemas/store.ts'
import { createTenantGuard } from './tenants/guard.ts'
import { createTenants } from './tenants/tenants.ts'
import { timelineRoutes } from './timeline/routes.ts'
import { createTimelineStore } from './timeline/store.ts'
import { startWriter } from './writer/client.ts'

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

/** The collector on its database, which this thread reads and the writer's changes; it never listens. */
export async function buildCollector(config: CollectorConfig, deps: Deps): Promise<Built> {
  const { logger, health } = deps
  const db = deps.database as Database
  // Refused here, or made, before the writer needs it.
  openKeyring(config)
  const { app } = createGuardedServer(INFO, config, deps, { authenticate: (request) => guard(request) })
  const writer = await startWriter({ config, health, logger })
  const metrics = createCollectorMetrics(deps.metrics.registry, writer.pending)
  const tenants = createTenants(config.API_KEYS)
  const guard = createTenantGuard(tenants, metrics)
  const audit = createAuditLog({ store: createAuditStore(db), writer, config, metrics, logger })
  const reports = createReportStore(db)
  const tokens = createTokenStore(db)
  const schemas = createSchemaStore(db)

  recordRequests(app, audit, tenants)
  void app.register(probeRoutes(health, metrics))
  // The token in the link is enough: the console opens it in a new tab, without headers.
  void app.register(bundleRoutes(reports, tokens, metrics))
  void app.register(ingestRoutes(writer, schemas, config, metrics))
  void app.register(batchRoutes({ writer, config, metrics }, schemas))
  void app.register(reportRoutes(reports, writer, config))
  void app.register(findingRoutes(createFindingStore(db, config.FINDING_FLAKY_CHANGES), writer, config))
  void app.register(schemaRoutes(schemas, writer, config))
  void app.register(signRoutes(reports, tokens, writer, config, metrics))
  void app.register(timelineRoutes(createTimelineStore(db), config))
  void app.register(retentionRoutes(writer, config, metrics))
  void app.register(auditRoutes(audit, config))
  const close = async () => {
    await audit.stop()
    await writer.stop()
  }
  return { app, close }
}

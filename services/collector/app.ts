import { identifyCaller } from '#shared/caller.ts'
import type { Database } from '#shared/database.ts'
import { serveOpenApi } from '#shared/openapi.ts'
import { createServer, type App } from '#shared/server.ts'
import { EXIT, type Built, type Deps, type ProcessOptions } from '#shared/start.ts'
import { createWrites } from '#shared/writes.ts'
import { createAuditLog, recordRequests } from './audit/log.ts'
import { auditRoutes } from './audit/routes.ts'
import { createAuditStore } from './audit/store.ts'
import { settings, type CollectorConfig } from './config.ts'
import { bundleRoutes, signRoutes } from './exports/routes.ts'
import { createTokenStore } from './exports/store.ts'
import { ingestRoutes } from './ingest/routes.ts'
import { createIngestStore } from './ingest/store.ts'
import { openCollectorDatabase } from './migrations.ts'
import { createCollectorMetrics } from './probes/metrics.ts'
import { probeRoutes } from './probes/routes.ts'
import { reportRoutes } from './reports/routes.ts'
import { createReportStore } from './reports/store.ts'
import { retentionRoutes } from './retention/routes.ts'
import { createRetentionStore } from './retention/store.ts'
import { tenantGuard } from './tenants/guard.ts'
import { createTenants } from './tenants/tenants.ts'
import { timelineRoutes } from './timeline/routes.ts'
import { createTimelineStore } from './timeline/store.ts'

export const collectorProcess: ProcessOptions<CollectorConfig> = {
  name: 'collector',
  settings,
  port: (config) => config.COLLECTOR_PORT,
  openDatabase: openCollectorDatabase,
  build: buildCollector,
}

/** The collector on its database; it never listens. */
export function buildCollector(config: CollectorConfig, deps: Deps): Built {
  const { logger, health } = deps
  const db = deps.database as Database
  const onDiskFailure = (error: Error) => {
    logger.fatal({ err: error }, 'the disk failed; ending, so that nothing is acknowledged that is not on it')
    process.exit(EXIT.diskFailure)
  }
  const writes = createWrites(db, config, { health, onDiskFailure })
  const metrics = createCollectorMetrics(deps.metrics.registry, writes.pending)
  const tenants = createTenants(config.API_KEYS)
  const audit = createAuditLog({ store: createAuditStore(db), writes, config, metrics, logger })
  const reports = createReportStore(db)
  const tokens = createTokenStore(db)

  const app = createServer({
    config,
    ...deps,
    identify: (request) =>
      identifyCaller(request, { service: 'collector', access: config.ACCESS, secret: config.INTERNAL_SECRET }),
  })
  serveOpenApi(app, 'Collector', 'Takes in quality reports and shows, signs and exports them')
  recordRequests(app, audit, tenants)
  void app.register(probeRoutes(health, metrics))
  // The token in the link is enough: the console opens it in a new tab, without headers.
  void app.register(bundleRoutes(reports, tokens, metrics))
  void app.register(async (guarded: App) => {
    guarded.addHook('onRequest', tenantGuard(tenants, metrics))
    void guarded.register(ingestRoutes(createIngestStore(db), writes, config, metrics))
    void guarded.register(reportRoutes(reports, writes, config, metrics))
    void guarded.register(signRoutes(reports, tokens, writes, config, metrics))
    void guarded.register(timelineRoutes(createTimelineStore(db), config))
    void guarded.register(retentionRoutes(createRetentionStore(db), writes, config, metrics))
    void guarded.register(auditRoutes(audit, config, metrics))
  })
  const close = async () => {
    await audit.stop()
    writes.stop()
  }
  return { app, close }
}

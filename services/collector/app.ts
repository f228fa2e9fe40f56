import { rotateWith } from '#shared/key-rotation.ts'
import { openKeyring } from '#shared/keyring.ts'
import { createService } from '#shared/service.ts'
import type { Built, Deps, ProcessOptions } from '#shared/start.ts'
import { REMEMBERED_ANSWERS } from '#shared/writes.ts'
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
import { createTenantGuard } from './tenants/guard.ts'
import { createTenants } from './tenants/tenants.ts'
import { timelineRoutes } from './timeline/routes.ts'
import { createTimelineStore } from './timeline/store.ts'

const INFO = {
  name: 'collector',
  title: 'Collector',
  description: 'Takes in quality reports and shows, signs and exports them',
} as const

export const collectorProcess: ProcessOptions<CollectorConfig> = {
  name: INFO.name,
  settings,
  port: (config) => config.COLLECTOR_PORT,
  openDatabase: openCollectorDatabase,
  build: buildCollector,
}

/** The collector on its database; it never listens. */
export function buildCollector(config: CollectorConfig, deps: Deps): Built {
  const keyring = openKeyring(config)
  const { db, writes, app } = createService(INFO, config, deps, { keyring, authenticate: (request) => guard(request) })
  const { logger, health } = deps
  rotateWith(app, { db, writes, keyring, columns: [REMEMBERED_ANSWERS], logger })
  const metrics = createCollectorMetrics(deps.metrics.registry, writes.pending)
  const tenants = createTenants(config.API_KEYS)
  const guard = createTenantGuard(tenants, metrics)
  const audit = createAuditLog({ store: createAuditStore(db), writes, config, metrics, logger })
  const reports = createReportStore(db)
  const tokens = createTokenStore(db)

  recordRequests(app, audit, tenants)
  void app.register(probeRoutes(health, metrics))
  // The token in the link is enough: the console opens it in a new tab, without headers.
  void app.register(bundleRoutes(reports, tokens, metrics))
  void app.register(ingestRoutes(createIngestStore(db), writes, config, metrics))
  void app.register(reportRoutes(reports, writes, config))
  void app.register(signRoutes(reports, tokens, writes, config, metrics))
  void app.register(timelineRoutes(createTimelineStore(db), config))
  void app.register(retentionRoutes(createRetentionStore(db), writes, config, metrics))
  void app.register(auditRoutes(audit, config))
  const close = async () => {
    await audit.stop()
    writes.stop()
  }
  return { app, close }
}

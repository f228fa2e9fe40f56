import type { Database } from '#shared/database.ts'
import { openKeyring } from '#shared/keyring.ts'
import { createGuardedServer } from '#shared/service.ts'
import type { Built, Deps, ProcessOptions } from '#shared/start.ts'
import { refuseUnknown } from '#shared/strict.ts'
import { createVersionedAnswers } from '#shared/versioned-answers.ts'
import { refuseForeignChannels } from './alerts/channels/sealed.ts'
import { startAlerts } from './alerts/start.ts'
import { createAuditLog, recordRequests } from './audit/log.ts'
import { auditRoutes } from './audit/routes.ts'
import { settings, type CollectorConfig } from './config.ts'
import { diffRoutes } from './diff/routes.ts'
import type { Engine } from './engine/engine.ts'
import { openSqlite } from './engine/sqlite.ts'
import { createBundleKeys, refuseForeignKeys } from './exports/keys/keys.ts'
import { keyRoutes } from './exports/keys/routes.ts'
import { exportRoutes } from './exports/many/routes.ts'
import { createExportSlots } from './exports/many/slots.ts'
import { createOpening } from './exports/opening.ts'
import { pageRoutes } from './exports/page/routes.ts'
import { bundleMetaRoutes, bundleRoutes, signRoutes } from './exports/routes.ts'
import { sweepLinks } from './exports/sweep.ts'
import { findingRoutes } from './findings/routes.ts'
import { batchRoutes } from './ingest/batch/routes.ts'
import { ingestRoutes } from './ingest/routes.ts'
import { openForReading } from './migrations.ts'
import { openPostgres } from './postgres/engine.ts'
import { createCollectorMetrics } from './probes/metrics.ts'
import { probeRoutes } from './probes/routes.ts'
import { reportRoutes } from './reports/routes.ts'
import { startRetention } from './retention/start.ts'
import { schemaRoutes } from './schemas/routes.ts'
import { createAdmission, ingestRules, refuseSuspended } from './tenants/admission.ts'
import { statsRoutes } from './stats/routes.ts'
import { createStreams } from './stream/routes.ts'
import { createTenantGuard } from './tenants/guard.ts'
import { createRefusals } from './tenants/refusals.ts'
import { tenantRoutes } from './tenants/routes.ts'
import { sweepUsage } from './tenants/sweep.ts'
import { createTenants } from './tenants/tenants.ts'
import { usageRoutes } from './tenants/usage-routes.ts'
import { timelineRoutes } from './timeline/routes.ts'

/** What is misspelt there deletes, or exports, more than was meant; other queries are of clients that add their own. */
const STRICT_QUERIES = /^\/(?:admin\/|export$)/

const INFO = {
  name: 'collector',
  title: 'Collector',
  description: 'Takes in quality reports and shows, signs and exports them',
} as const

export const collectorProcess: ProcessOptions<CollectorConfig> = {
  name: INFO.name,
  settings,
  port: (config) => config.COLLECTOR_PORT,
  openDatabase: (config) => (config.COLLECTOR_DATABASE_URL === undefined ? openForReading(config) : undefined),
  build: buildCollector,
}

/** @throws ConfigError when what the database has sealed cannot be opened, DatabaseRefused when it cannot be used */
export async function openEngine(config: CollectorConfig, { logger, health, database }: Deps): Promise<Engine> {
  // Refused here, or made, before the writer needs it.
  const keyring = openKeyring(config)
  const { COLLECTOR_DATABASE_URL } = config
  const engine =
    COLLECTOR_DATABASE_URL === undefined
      ? await openSqlite({ db: database as Database, config, health, logger })
      : await openPostgres({ config: { ...config, COLLECTOR_DATABASE_URL }, keyring, health, logger })
  try {
    refuseForeignKeys(await engine.stores.bundleKeys.all(), keyring)
    refuseForeignChannels(await engine.stores.alerts.allChannels(), keyring)
    return engine
  } catch (error) {
    await engine.stop()
    throw error
  }
}

async function buildCollector(config: CollectorConfig, deps: Deps): Promise<Built> {
  return serveCollector(config, deps, await openEngine(config, deps))
}

/** The collector on its engine; it never listens. */
export function serveCollector(config: CollectorConfig, deps: Deps, engine: Engine): Built {
  const { logger, health } = deps
  const keyring = openKeyring(config)
  const { stores, writer, standings } = engine
  const { reports, tokens, schemas } = stores
  const metrics = createCollectorMetrics(deps.metrics.registry, writer.pending)
  const tenants = createTenants(config.API_KEYS)
  const guard = createTenantGuard(tenants, metrics, config.ACCESS)
  const answerCache = createVersionedAnswers(config.ANSWER_CACHE_MAX_BYTES, ({ caller }) =>
    engine.versions.of(caller.tenant),
  )
  const { app } = createGuardedServer(INFO, config, deps, {
    authenticate: (request) => guard(request),
    answerCache,
    rules: ingestRules,
  })
  const alerts = startAlerts({
    engine,
    config,
    keyring,
    health,
    registers: [metrics.registry, deps.metrics.registry],
    logger,
  })
  const { limited: onRefused } = alerts.signals
  const refusals = createRefusals({ writer, metrics, logger, flushMs: config.USAGE_FLUSH_MS, onRefused })
  const admission = createAdmission({ standings, config, refusals })
  const audit = createAuditLog({ store: stores.audit, writer, config, metrics, logger })
  const retention = startRetention({ stores, writer, admission, keyring, config, metrics: metrics.retention, logger })

  const opening = createOpening({ reports, tokens, writer, metrics, admission })
  const keys = createBundleKeys({ store: stores.bundleKeys, writer, keyring, logger })

  app.addHook('onReady', keys.prepare)
  const streams = createStreams({ engine, config, health, registers: [metrics.registry, deps.metrics.registry] })

  refuseUnknown(app, STRICT_QUERIES)
  alerts.signals.watch(app)
  recordRequests(app, audit, tenants)
  refuseSuspended(app, standings, refusals)
  void app.register(probeRoutes(health, metrics))
  // The token in the link is enough: the console opens it in a new tab, without headers.
  void app.register(bundleRoutes(opening, keys, metrics))
  void app.register(pageRoutes(opening, reports, guard, admission))
  void app.register(ingestRoutes({ writer, admission }, schemas, config, metrics))
  void app.register(batchRoutes({ writer, admission, config, metrics }, schemas))
  void app.register(streams.routes)
  void app.register(reportRoutes(stores, writer, config, answerCache.tagOf))
  void app.register(findingRoutes(stores.findings, writer, config))
  void app.register(schemaRoutes(schemas, writer, config, answerCache.tagOf))
  void app.register(signRoutes({ reports, tokens, writer, config, metrics }))
  void app.register(bundleMetaRoutes(reports, keys))
  void app.register(keyRoutes(keys, writer))
  void app.register(exportRoutes({ reports, keys, slots: createExportSlots(config), config, metrics }))
  void app.register(timelineRoutes(stores.timeline, config))
  void app.register(diffRoutes(reports))
  void app.register(statsRoutes(stores, standings))
  void app.register(retention.routes)
  void app.register(auditRoutes(audit, config))
  void app.register(alerts.routes)
  void app.register(tenantRoutes({ store: stores.tenants, tenants, writer, config }))
  void app.register(usageRoutes({ stores, tenants, standings, admission, config }))
  const endSweep = sweepUsage(writer, config.USAGE_DAYS_MAX, logger)
  const endLinkSweep = sweepLinks({ writer, config, logger })
  const close = async () => {
    endSweep()
    endLinkSweep()
    streams.stop()
    await refusals.flush()
    await alerts.stop()
    await retention.stop()
    await audit.stop()
    await engine.stop()
  }
  return { app, close }
}

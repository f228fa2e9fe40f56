import type { Database } from '#shared/database.ts'
import type { Health } from '#shared/health.ts'
import type { Logger } from '#shared/logger.ts'
import { createAlertStore } from '../alerts/store.ts'
import { createAuditStore } from '../audit/store.ts'
import type { CollectorConfig } from '../config.ts'
import { createBundleKeyStore } from '../exports/keys/store.ts'
import { createTokenStore } from '../exports/store.ts'
import { createFindingStore } from '../findings/store.ts'
import { createReportStore } from '../reports/store.ts'
import { createHoldStore } from '../retention/holds/store.ts'
import { createRetentionStore } from '../retention/store.ts'
import { createSchemaStore } from '../schemas/store.ts'
import { createStatsStore } from '../stats/store.ts'
import { createArrivalStore } from '../stream/arrivals.ts'
import { createTimelineStore } from '../timeline/store.ts'
import { createStandings } from '../tenants/standings.ts'
import { createTenantStore } from '../tenants/store.ts'
import { createUsage } from '../tenants/usage.ts'
import { createVersions } from '../versions/versions.ts'
import { createWriter } from '../writer/queue.ts'
import { startWriterThread } from '../writer/thread.ts'
import type { Engine, Stores } from './engine.ts'

interface SqliteParts {
  /** Of this thread, which only reads. */
  db: Database
  config: CollectorConfig
  health: Pick<Health, 'isDatabaseUsable'>
  logger: Logger
}

const storesOf = (db: Database, config: CollectorConfig): Stores => ({
  reports: createReportStore(db),
  arrivals: createArrivalStore(db),
  stats: createStatsStore(db, config.FINDING_FLAKY_CHANGES),
  findings: createFindingStore(db, config.FINDING_FLAKY_CHANGES),
  tokens: createTokenStore(db),
  bundleKeys: createBundleKeyStore(db),
  schemas: createSchemaStore(db),
  timeline: createTimelineStore(db),
  alerts: createAlertStore(db),
  audit: createAuditStore(db),
  holds: createHoldStore(db),
  retention: createRetentionStore(db),
  tenants: createTenantStore(db),
  usage: createUsage(db),
})

/** One file, read by this thread and written by one of its own. */
export async function openSqlite({ db, config, health, logger }: SqliteParts): Promise<Engine> {
  const versions = createVersions()
  const standings = createStandings({ read: createTenantStore(db).standing })
  const backend = await startWriterThread({ config, logger })
  const writer = createWriter({ config, health, backend, onChange: versions.changed, standings })
  return { stores: storesOf(db, config), writer, versions, standings, stop: writer.stop }
}

import type { Health } from '#shared/health.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { Logger } from '#shared/logger.ts'
import { createPostgresAlerts } from '../alerts/postgres.ts'
import { createPostgresAudit } from '../audit/postgres.ts'
import type { CollectorConfig } from '../config.ts'
import type { Engine, Stores } from '../engine/engine.ts'
import { createPostgresBundleKeys } from '../exports/keys/postgres.ts'
import { createPostgresTokens } from '../exports/postgres.ts'
import { createPostgresFindings } from '../findings/postgres.ts'
import { createPostgresReports } from '../reports/postgres.ts'
import { createPostgresHolds } from '../retention/holds/postgres.ts'
import { createPostgresRetention } from '../retention/postgres.ts'
import { createPostgresSchemas } from '../schemas/postgres.ts'
import { createPostgresTenants, createPostgresUsage } from '../tenants/postgres.ts'
import { createStandings } from '../tenants/standings.ts'
import { createPostgresStats } from '../stats/postgres.ts'
import { createPostgresArrivals } from '../stream/postgres.ts'
import { createPostgresTimeline } from '../timeline/postgres.ts'
import { startListening } from '../versions/listen.ts'
import { createSharedVersions } from '../versions/postgres.ts'
import { createWriter } from '../writer/queue.ts'
import { migrate } from './migrate.ts'
import { refuseUnfinished } from './move/progress.ts'
import { createPartitions } from './partitions.ts'
import { openPool, type Access } from './pool.ts'
import { newShard } from './shard.ts'
import { startUpkeep } from './upkeep.ts'
import { createPostgresWriter } from './writer.ts'

const STANDING_MS = 1000

interface PostgresParts {
  config: CollectorConfig & { COLLECTOR_DATABASE_URL: string }
  keyring: Keyring
  health: Pick<Health, 'isDatabaseUsable' | 'watch'>
  logger: Logger
}

const storesOf = (access: Access, config: CollectorConfig): Stores => ({
  reports: createPostgresReports(access),
  arrivals: createPostgresArrivals(access),
  stats: createPostgresStats(access, config.FINDING_FLAKY_CHANGES),
  findings: createPostgresFindings(access, config.FINDING_FLAKY_CHANGES),
  tokens: createPostgresTokens(access),
  schemas: createPostgresSchemas(access),
  timeline: createPostgresTimeline(access),
  audit: createPostgresAudit(access),
  tenants: createPostgresTenants(access),
  usage: createPostgresUsage(access),
  bundleKeys: createPostgresBundleKeys(access),
  alerts: createPostgresAlerts(access),
  holds: createPostgresHolds(access),
  retention: createPostgresRetention(access),
})

/**
 * A database on a server, for several replicas of the service at once.
 * @throws DatabaseRefused for one that cannot be used
 */
export async function openPostgres({ config, keyring, health, logger }: PostgresParts): Promise<Engine> {
  const { COLLECTOR_DATABASE_URL: url, COLLECTOR_DATABASE_TIMEOUT_MS: timeoutMs } = config
  const pool = openPool(config, logger)
  try {
    const { role, seesAll } = await migrate(pool, url)
    await refuseUnfinished(pool, url)
    if (seesAll) {
      logger.warn({ role }, 'row-level security does not bind this role: give the collector one that is no superuser')
    }
    const partitions = createPartitions(pool)
    await partitions.ensureAhead(Date.now())
    await health.watch(pool.isUsable)
    const versions = createSharedVersions(pool)
    const shard = newShard()
    const listening = startListening({ url: config.COLLECTOR_LISTEN_URL ?? url, timeoutMs, pool, versions, logger })
    await listening.ready
    const { changed: onChange } = listening
    const backend = createPostgresWriter({ config, pool, keyring, partitions, shard, logger, onChange })
    // Of what other replicas change the next request after that time knows.
    const standings = createStandings({ read: createPostgresTenants(pool).standing, maxAgeMs: STANDING_MS })
    const writer = createWriter({ config, health, backend, standings })
    const upkeep = startUpkeep({ pool, config, keyring, partitions, logger })
    return {
      stores: storesOf(pool, config),
      writer,
      versions,
      standings,
      async stop() {
        await writer.stop()
        await upkeep.stop()
        await listening.stop()
        await pool.end()
      },
    }
  } catch (error) {
    await pool.end()
    throw error
  }
}

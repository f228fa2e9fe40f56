import { DatabaseRefused, type Database } from '#shared/database.ts'
import { openKeyring } from '#shared/keyring.ts'
import type { Logger } from '#shared/logger.ts'
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { CollectorConfig } from '../../config.ts'
import { openCollectorDatabase } from '../../migrations.ts'
import { analyzeAll } from '../analyze.ts'
import { migrate } from '../migrate.ts'
import { createPartitions } from '../partitions.ts'
import { openPool, shownUrl } from '../pool.ts'
import { newShard } from '../shard.ts'
import { raw } from '../sql.ts'
import { FIND_HELD } from '../../search/postgres-tables.ts'
import { createPostgresWriter } from '../writer.ts'
import { openProgress } from './progress.ts'
import { moveReports } from './reports.ts'
import { MOVED, moveTable } from './tables.ts'
import { compare, type Difference } from './verify.ts'

const HOUR_MS = 3_600_000

/** What was stored must not be refused now because a limit is lower today. */
const WITHOUT_LIMITS = {
  JSON_MAX_DEPTH: 1000,
  JSON_MAX_KEYS: Number.MAX_SAFE_INTEGER,
  REPORT_STRING_MAX: Number.MAX_SAFE_INTEGER,
  REPORT_NUMBER_MAX: Number.MAX_VALUE,
}

/** The file of a collector that does not run. @throws DatabaseRefused when there is none, or it is in use */
export function openSource(config: Pick<CollectorConfig, 'DATA_DIR'>): Database {
  const file = path.join(config.DATA_DIR, 'collector.db')
  if (!existsSync(file)) throw new DatabaseRefused(file, 'is not there; DATA_DIR says where the collector has its file')
  const db = openCollectorDatabase(config)
  try {
    // Nobody else may have it open from here on.
    db.pragma('busy_timeout = 0')
    db.pragma('locking_mode = EXCLUSIVE')
    db.exec('BEGIN IMMEDIATE; COMMIT')
    return db
  } catch {
    db.close()
    throw new DatabaseRefused(file, 'is in use; stop the collector first')
  }
}

interface MoveOptions {
  config: CollectorConfig & { COLLECTOR_DATABASE_URL: string }
  logger: Logger
  /** Gets a line about each step. */
  say(line: string): void
}

/**
 * Moves everything from the file to PostgreSQL and compares both sides. One that was interrupted goes on where it was.
 * @returns in what they differ
 * @throws DatabaseRefused when the file is in use, or the database has something else
 */
export async function move({ config, logger, say }: MoveOptions): Promise<Difference[]> {
  const { COLLECTOR_DATABASE_URL: url } = config
  const db = openSource(config)
  const pool = openPool(config, logger)
  try {
    await migrate(pool, url)
    const progress = await openProgress(pool, db.name, url)
    if (progress.isDone) {
      say(`${shownUrl(url)} has everything from ${db.name} already; nothing was done`)
      return []
    }
    if (progress.isBegun) say('it goes on where it was')
    const backend = createPostgresWriter({
      config: { ...config, ...WITHOUT_LIMITS },
      pool,
      keyring: openKeyring(config),
      partitions: createPartitions(pool),
      shard: newShard(),
      logger,
      onChange: () => undefined,
    })
    const dedupeSince = Date.now() - config.INGEST_DEDUPE_HOURS * HOUR_MS
    const told = (moved: number, total: number) => say(`reports: ${moved} of ${total}`)
    const reports = await moveReports({ db, pool, backend, progress, dedupeSince, told })
    say(`reports: ${reports} moved`)
    for (const table of MOVED) say(`${table}: ${await moveTable(db, pool, progress, table)} moved`)
    await pool.everyTenant.run(raw(FIND_HELD))
    say(`statistics: ${await analyzeAll(pool)} tables`)
    const differences = await compare(db, pool)
    if (differences.length === 0) await progress.finish()
    return differences
  } finally {
    await pool.end()
    db.close()
  }
}

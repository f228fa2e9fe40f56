import type { Keyring } from '#shared/keyring.ts'
import type { Logger } from '#shared/logger.ts'
import type { CollectorConfig } from '../config.ts'
import { removeEmptyHours } from '../rollups/postgres.ts'
import { forgetContents } from '../ingest/postgres.ts'
import { forgetFine } from '../rollups/postgres-series.ts'
import { analyzeFreshMonths } from './analyze.ts'
import { removeSome } from './bulk.ts'
import { resealAnswers } from './reseal.ts'
import type { Partitions } from './partitions.ts'
import { EVERY_TENANT, type Pool } from './pool.ts'
import { sql } from './sql.ts'
import { transaction, type Transaction } from './transaction.ts'

const HOUR_MS = 3_600_000
const BATCH = 500

interface UpkeepParts {
  pool: Pool
  config: CollectorConfig
  keyring: Keyring
  partitions: Partitions
  logger: Logger
}

/** What is done at the start and every hour, by each replica: it does no harm twice. */
export function startUpkeep({ pool, config, keyring, partitions, logger }: UpkeepParts) {
  const forget = forgetContents(config.INGEST_DEDUPE_HOURS)
  let stopped = false

  const forgetAnswers = (tx: Transaction): Promise<number> =>
    tx.run(
      removeSome(
        'idempotency_keys',
        'owner, key',
        sql`createdAt <= ${Date.now() - config.IDEMPOTENCY_TTL_HOURS * HOUR_MS}`,
        BATCH,
      ),
    )

  async function repeat(some: (tx: Transaction) => Promise<number>): Promise<void> {
    while (!stopped && (await transaction(pool, EVERY_TENANT, some)) === BATCH);
  }

  async function run(): Promise<void> {
    try {
      await partitions.ensureAhead(Date.now())
      await repeat((tx) => forget(tx, Date.now(), BATCH))
      await repeat(forgetAnswers)
      await repeat((tx) => forgetFine(tx, Date.now(), BATCH))
      await repeat((tx) => removeEmptyHours(tx, BATCH))
      await resealAnswers({ pool, keyring, logger }, () => stopped)
      await analyzeFreshMonths(pool)
    } catch (error) {
      logger.error({ err: error }, 'the upkeep of the database failed; it is done again in an hour')
    }
  }

  let running = run()
  const timer = setInterval(() => void (running = running.then(run)), HOUR_MS).unref()
  return {
    run,
    async stop(): Promise<void> {
      stopped = true
      clearInterval(timer)
      await running
    },
  }
}

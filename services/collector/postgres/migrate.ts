import { DatabaseRefused } from '#shared/database.ts'
import { setTimeout as pause } from 'node:timers/promises'
import { NotConnected } from './faults.ts'
import { migrations } from './migrations.ts'
import { EVERY_TENANT, shownUrl, type Pool } from './pool.ts'
import { raw, sql, type Statement } from './sql.ts'
import { transaction } from './transaction.ts'

const VERSION_MIN = 150_000
const CONNECT_ATTEMPTS = 10
const CONNECT_PAUSE_MS = 1000
const DUPLICATE_TABLE = '42P07'
/** Wrong password, no such user, no such database: waiting does not mend it. */
const HOPELESS = /^(?:28|3D)/

/** Held while the tables are changed, so that replicas that start together do it one after the other. */
export const lockTables: Statement = sql`SELECT pg_advisory_xact_lock(hashtextextended('najimban collector tables', 0))`

const TABLE = sql`CREATE TABLE IF NOT EXISTS collector_migrations (
  version INTEGER PRIMARY KEY,
  appliedAt TIMESTAMPTZ NOT NULL DEFAULT now()
)`
const APPLIED = sql`SELECT coalesce(max(version), 0) AS version FROM collector_migrations`

interface Server {
  version: number
  shown: string
  role: string
  seesall: boolean
}

/** What stands behind the URL; a database that is just starting is waited for. */
async function serverOf(pool: Pool, name: string): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    try {
      const found = await pool.everyTenant.first<Server>(
        sql`SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS shown,
          rolname AS role, rolsuper OR rolbypassrls AS seesall FROM pg_roles WHERE rolname = current_user`,
      )
      return found as Server
    } catch (error) {
      const { cause } = error as { cause?: unknown }
      const reason = cause instanceof NotConnected ? (cause.cause as { code?: string; message: string }) : undefined
      if (reason === undefined) throw error
      if (attempt === CONNECT_ATTEMPTS || HOPELESS.test(reason.code ?? '')) {
        throw new DatabaseRefused(
          name,
          `cannot be opened (${reason.message || reason.code}); check COLLECTOR_DATABASE_URL`,
        )
      }
      await pause(CONNECT_PAUSE_MS)
    }
  }
}

async function apply(pool: Pool, name: string): Promise<void> {
  for (let version = 0; version < migrations.length;) {
    version = await transaction(pool, EVERY_TENANT, async (tx) => {
      tx.later(lockTables)
      tx.later(TABLE)
      const applied = (await tx.first<{ version: number }>(APPLIED))?.version ?? 0
      if (applied > migrations.length) {
        throw new DatabaseRefused(
          name,
          `was written by a newer version (schema ${applied}, this one knows ${migrations.length}); update the program or restore a backup`,
        )
      }
      const next = migrations[applied]
      if (next === undefined) return applied
      for (const statement of next) tx.later(raw(statement))
      tx.later(sql`INSERT INTO collector_migrations (version) VALUES (${applied + 1})`)
      return applied + 1
    })
  }
}

/**
 * Makes or brings up to date the tables; several replicas may do it at once.
 * @returns the role and whether row-level security does not bind it
 * @throws DatabaseRefused for an old server, another program's tables, or a newer version's
 */
export async function migrate(pool: Pool, url: string): Promise<{ role: string; seesAll: boolean }> {
  const name = shownUrl(url)
  const server = await serverOf(pool, name)
  if (server.version < VERSION_MIN) {
    throw new DatabaseRefused(name, `is PostgreSQL ${server.shown}; the collector needs 15 or newer`)
  }
  try {
    await apply(pool, name)
  } catch (error) {
    if ((error as { code?: unknown }).code !== DUPLICATE_TABLE) throw error
    throw new DatabaseRefused(name, 'has tables of another program; give the collector a database of its own')
  }
  return { role: server.role, seesAll: server.seesall }
}

import { createLogger } from '#shared/logger.ts'
import { readConfig } from '#shared/config.ts'
import { hash, randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { settings } from '../config.ts'
import { migrate } from '../postgres/migrate.ts'
import { migrations } from '../postgres/migrations.ts'
import { createPartitions } from '../postgres/partitions.ts'
import { openPool, type Pool } from '../postgres/pool.ts'
import { sql } from '../postgres/sql.ts'
import { startPostgres } from './postgres-server.ts'

/** Whether this run of the tests is on PostgreSQL. */
export const ON_POSTGRES = process.env.COLLECTOR_TEST_ENGINE === 'postgres'

/** For tests of the SQLite file itself: `t.test(name, SQLITE_ONLY, ...)`. */
export const SQLITE_ONLY = { skip: ON_POSTGRES && 'is about the SQLite file' }

/** The role of the service in tests; a superuser would not be bound by row-level security. */
const ROLE = 'najimban_test'

let server: Promise<string> | undefined

/** A server for this run: the one in TEST_DATABASE_URL, else one of its own. @returns the URL of a role that may make databases */
export const testServer = (): Promise<string> =>
  (server ??= Promise.resolve(process.env.TEST_DATABASE_URL ?? startPostgres().then(({ url }) => url)))

/** For tests that are about PostgreSQL, whatever the others run on: `t.test(name, await needsPostgres(), ...)`. */
export const needsPostgres = (): Promise<{ skip: string | false }> =>
  testServer().then(
    () => ({ skip: false }),
    (error: unknown) => ({ skip: `no PostgreSQL can be started here: ${(error as Error).message}` }),
  )

const databaseIn = (url: string, name: string): string => Object.assign(new URL(url), { pathname: `/${name}` }).href

/** Connections as the service has them, to any database. */
export function poolOf(url: string, env: Record<string, string> = {}): Pool {
  const config = readConfig(settings, { NODE_ENV: 'test', LOG_LEVEL: 'fatal', COLLECTOR_DATABASE_POOL: '2', ...env })
  return openPool({ ...config, COLLECTOR_DATABASE_URL: url }, createLogger('collector', config))
}

/** What cannot be part of a transaction. */
const command = (pool: Pool, text: string) => pool.connected((client) => client.query(text))

/** The URL of the server for the role of the service. */
async function serviceUrl(admin: Pool, url: string): Promise<string> {
  const found = await admin.everyTenant.first<{ super: boolean; made: boolean }>(
    sql`SELECT rolsuper AS super, to_regrole(${ROLE}) IS NOT NULL AS made FROM pg_roles WHERE rolname = current_user`,
  )
  if (found?.super !== true) return url
  if (!found.made) await command(admin, `CREATE ROLE ${ROLE} LOGIN CREATEDB PASSWORD '${ROLE}'`)
  return Object.assign(new URL(url), { username: ROLE, password: ROLE }).href
}

/** A database with all tables, once for a server; others are copies of it. */
async function templateOf(admin: Pool, service: string): Promise<string> {
  const name = `najimban_template_${hash('sha256', JSON.stringify(migrations)).slice(0, 12)}`
  const found = await admin.everyTenant.first(sql`SELECT 1 FROM pg_database WHERE datname = ${name}`)
  if (found !== undefined) return name
  const fresh = `${name}_${randomBytes(4).toString('hex')}`
  await command(admin, `CREATE DATABASE ${fresh} OWNER ${new URL(service).username}`)
  const pool = poolOf(databaseIn(service, fresh))
  await migrate(pool, service)
  await createPartitions(pool).ensureAhead(Date.now())
  await pool.end()
  await command(admin, `ALTER DATABASE ${fresh} RENAME TO ${name}`)
  return name
}

const LOCK = 7_310_842

/** A fresh database on the server of this run, dropped when the test ends; @returns its URL for the service */
export async function freshDatabase(t: Test, { empty = false } = {}): Promise<string> {
  const url = await testServer()
  const name = `najimban_${randomBytes(8).toString('hex')}`
  const admin = poolOf(url)
  t.teardown(async () => {
    await command(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await admin.end()
  })
  // A template that somebody copies can be copied by nobody else.
  return await admin.connected(async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK])
    try {
      const service = await serviceUrl(admin, url)
      const template = empty ? 'template1' : await templateOf(admin, service)
      await client.query(`CREATE DATABASE ${name} TEMPLATE ${template} OWNER ${new URL(service).username}`)
      return databaseIn(service, name)
    } finally {
      await client.query('SELECT pg_advisory_unlock($1)', [LOCK])
    }
  })
}

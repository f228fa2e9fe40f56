import t from 'tap'
import { LIST_ALL_KINDS } from '../search/postgres-tables.ts'
import { HELD } from '../search/postgres-terms.ts'
import { collector, judged } from '../test/collector.ts'
import { freshDatabase, needsPostgres, poolOf } from '../test/postgres.ts'
import { migrate } from './migrate.ts'
import { migrations } from './migrations.ts'
import { shownUrl } from './pool.ts'
import { raw, sql } from './sql.ts'

const options = await needsPostgres()

t.test('replicas that start together make the tables once', options, async (t) => {
  const url = await freshDatabase(t, { empty: true })
  const pools = [1, 2, 3, 4].map(() => poolOf(url))
  t.teardown(() => Promise.all(pools.map((pool) => pool.end())))
  await Promise.all(pools.map((pool) => migrate(pool, url)))
  const [pool] = pools as [(typeof pools)[0]]
  const applied = await pool.everyTenant.all<{ version: number }>(
    sql`SELECT version FROM collector_migrations ORDER BY 1`,
  )
  t.same(
    applied.map(({ version }) => version),
    migrations.map((_, index) => index + 1),
  )
})

t.test(
  'a newer database, another program’s and one that cannot be reached are refused in one line',
  options,
  async (t) => {
    const refuses = async (url: string, reason: RegExp) => {
      const pool = poolOf(url)
      const error = await migrate(pool, url).catch((thrown: unknown) => thrown as Error)
      await pool.end()
      t.match(error, { name: 'DatabaseRefused', message: reason })
      t.notMatch((error as Error).message, /\n|najimban_test:najimban_test/)
    }
    const newer = await freshDatabase(t)
    const pool = poolOf(newer)
    await pool.everyTenant.run(sql`INSERT INTO collector_migrations (version) VALUES (1000)`)
    await pool.end()
    await refuses(newer, /newer version \(schema 1000/)

    const foreign = await freshDatabase(t, { empty: true })
    const other = poolOf(foreign)
    await other.everyTenant.run(raw('CREATE TABLE reports (id TEXT)'))
    await other.end()
    await refuses(foreign, /another program/)

    const missing = Object.assign(new URL(newer), { pathname: '/najimban_nowhere' }).href
    await refuses(missing, /cannot be opened .*najimban_nowhere.* does not exist.*COLLECTOR_DATABASE_URL/)
    await refuses(Object.assign(new URL(newer), { password: 'wrong' }).href, /password authentication failed/)
  },
)

t.test('a server that is too old is refused before anything is made there', options, async (t) => {
  const url = await freshDatabase(t, { empty: true })
  const pool = poolOf(url)
  t.teardown(() => pool.end())
  // A server says what it is by a function: this database has one of its own before it.
  await pool.everyTenant.run(raw('CREATE SCHEMA old'))
  await pool.everyTenant.run(
    raw(`CREATE FUNCTION old.current_setting(name TEXT) RETURNS TEXT LANGUAGE sql AS $$
      SELECT CASE name WHEN 'server_version_num' THEN '140011' WHEN 'server_version' THEN '14.11' END $$`),
  )
  await pool.everyTenant.run(
    raw(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET search_path = old, pg_catalog, public`),
  )
  const message = `${shownUrl(url)}: is PostgreSQL 14.11; the collector needs 15 or newer`
  await t.rejects(collector(t, { COLLECTOR_DATABASE_URL: url }), { name: 'DatabaseRefused', message })
  t.same(await pool.everyTenant.all(sql`SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`), [])
})

t.test('what was on hold before is listed as such', options, async (t) => {
  const env = { COLLECTOR_DATABASE_URL: await freshDatabase(t) }
  const { ask, ingest } = await collector(t, env)
  const ids = [await ingest(judged('warn')), await ingest()]
  const put = { method: 'PUT', payload: { reason: 'audit' } } as const
  t.equal((await ask(`/reports/${ids[0]}/hold`, put)).statusCode, 200)
  const pool = poolOf(env.COLLECTOR_DATABASE_URL)
  t.teardown(() => pool.end())
  const before = [
    'DROP INDEX reports_without_severity',
    'DROP INDEX search_reports_held',
    `UPDATE search_reports SET terms = array_remove(terms, ${HELD}::bigint)`,
  ]
  for (const statement of [...before, ...LIST_ALL_KINDS]) await pool.everyTenant.run(raw(statement))
  const list = async (query: string) =>
    (await ask(`/reports?${query}`)).json<{ reports: { id: string }[] }>().reports.map(({ id }) => id)
  t.same(await list('held=true'), [ids[0]])
  t.same(await list('held=false'), [ids[1]])
  t.same(await list('severity=none'), [ids[1]])
})

t.test('a URL is shown without its password', async (t) => {
  t.equal(shownUrl('postgres://user:secret@host:1/db?sslmode=require'), 'postgres://user:***@host:1/db')
  t.equal(shownUrl('postgres://host/db'), 'postgres://host/db')
})

t.test('no folder is made for a file that is not used', options, async (t) => {
  const { dataDir } = await collector(t, { COLLECTOR_DATABASE_URL: await freshDatabase(t) })
  const { existsSync } = await import('node:fs')
  t.notOk(existsSync(`${dataDir}/collector.db`))
})

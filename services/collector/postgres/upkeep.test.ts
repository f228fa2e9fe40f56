import { createKeyring } from '#shared/keyring.ts'
import { createLogger } from '#shared/logger.ts'
import { until } from '#shared/test/until.ts'
import { readConfig } from '#shared/config.ts'
import { asTenant } from '#shared/scope.ts'
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { settings } from '../config.ts'
import { removeEmptyHours } from '../rollups/postgres.ts'
import { collector, judged } from '../test/collector.ts'
import { freshDatabase, needsPostgres, poolOf } from '../test/postgres.ts'
import { analyzeAll, analyzeFreshMonths } from './analyze.ts'
import { createPartitions, monthOf } from './partitions.ts'
import { EVERY_TENANT } from './pool.ts'
import { resealAnswers } from './reseal.ts'
import { sql } from './sql.ts'
import { transaction } from './transaction.ts'
import { startUpkeep } from './upkeep.ts'

const options = await needsPostgres()
const HOUR_MS = 3_600_000
const TENANT = asTenant('default')

t.test('remembered answers and contents past their time are forgotten, however many there are', options, async (t) => {
  const url = await freshDatabase(t)
  const config = readConfig(settings, { NODE_ENV: 'test', LOG_LEVEL: 'fatal', COLLECTOR_DATABASE_URL: url })
  const { ingest, ask } = await collector(t, { COLLECTOR_DATABASE_URL: url })
  const pool = poolOf(url)
  const headers = { 'idempotency-key': 'young' }
  const id = await ingest(judged('warn'), headers)
  await pool.everyTenant.run(
    sql`INSERT INTO idempotency_keys SELECT 'default', 'old' || n, '', 201, '{}', NULL, 0 FROM generate_series(1, 1200) AS n`,
  )
  await pool.everyTenant.run(
    sql`INSERT INTO report_hashes SELECT 'teamA', decode(md5(n::text), 'hex'), 'x', 0 FROM generate_series(1, 600) AS n`,
  )
  const logger = createLogger('collector', config)
  const keyring = createKeyring([{ id: 'k', key: randomBytes(32) }])
  const upkeep = startUpkeep({ pool, config, keyring, partitions: createPartitions(pool), logger })
  // The first run, and that of the service, may each have a part of them.
  await until('the end of all runs', async () => {
    await upkeep.run()
    const [keys] = await pool.everyTenant.all<{ n: number }>(sql`SELECT count(*) AS n FROM idempotency_keys`)
    const [hashes] = await pool.everyTenant.all<{ n: number }>(sql`SELECT count(*) AS n FROM report_hashes`)
    return keys?.n === 1 && hashes?.n === 1
  })
  t.same(await pool.everyTenant.all(sql`SELECT key FROM idempotency_keys`), [{ key: 'young' }])
  const again = await ask('/ingest/qc', { method: 'POST', payload: judged('warn'), headers })
  t.same([again.json(), again.headers['idempotency-replayed']], [{ id, status: 'ingested' }, 'true'])
  await upkeep.stop()
  await pool.end()
})

t.test('hours that add up to nothing go, whichever processes counted there; others stay', options, async (t) => {
  const pool = poolOf(await freshDatabase(t))
  t.teardown(() => pool.end())
  const rows = [
    [0, 'block', 1, 5],
    [0, 'block', 2, -5],
    [0, 'warn', 1, 5],
    [0, 'warn', 2, -4],
    [HOUR_MS, 'info', 3, 0],
  ] as const
  for (const [time, severity, shard, reports] of rows) {
    await pool
      .of(TENANT)
      .run(sql`INSERT INTO report_hours VALUES (${TENANT}, ${time}, ${severity}, ${shard}, ${reports})`)
  }
  t.equal(await transaction(pool, EVERY_TENANT, (tx) => removeEmptyHours(tx, 100)), 2)
  t.same(await pool.of(TENANT).all(sql`SELECT severity, reports FROM report_hours ORDER BY shard`), [
    { severity: 'warn', reports: 5 },
    { severity: 'warn', reports: -4 },
  ])
})

t.test('sealed answers come under the first key, and what does not open stays', options, async (t) => {
  const url = await freshDatabase(t)
  const [old, fresh, foreign] = ['old', 'new', 'foreign'].map((id) => ({ id, key: randomBytes(32) })) as [
    { id: string; key: Buffer },
    { id: string; key: Buffer },
    { id: string; key: Buffer },
  ]
  const setting = (...keys: (typeof old)[]) => keys.map(({ id, key }) => `${id}:${key.toString('base64')}`).join(',')
  const env = { COLLECTOR_DATABASE_URL: url, ENCRYPTION_KEYS: setting(old) }
  const first = await collector(t, env)
  const id = await first.ingest()
  const sign = { method: 'POST', headers: { 'idempotency-key': 'once' } } as const
  const link = await first.ask(`/reports/${id}/sign`, sign)
  await first.close()

  const pool = poolOf(url)
  t.teardown(() => pool.end())
  const stranger = createKeyring([foreign]).seal('x', {
    table: 'idempotency_keys',
    column: 'body',
    row: 'k',
    owner: 'teamA',
  })
  await pool.everyTenant.run(
    sql`INSERT INTO idempotency_keys VALUES ('teamA', 'k', 'sealed', 200, NULL, ${stranger}, ${Date.now()})`,
  )
  const logged: string[] = []
  const note = (_fields: unknown, message?: string) => void logged.push(String(message))
  const keyring = createKeyring([fresh, old])
  t.equal(await resealAnswers({ pool, keyring, logger: { info: note, error: note } as never }), 1)
  t.same(logged, ['a sealed value cannot be brought under the primary key', 'keys rotated'])
  t.equal(await resealAnswers({ pool, keyring, logger: { info: note, error: note } as never }), 0)
  // The keys of bundles follow at a start with both.
  await (await collector(t, { ...env, ENCRYPTION_KEYS: setting(fresh, old) })).close()
  const second = await collector(t, { ...env, ENCRYPTION_KEYS: setting(fresh) })
  t.equal((await second.ask(`/reports/${id}/sign`, sign)).body, link.body, 'the old key is not needed any more')
})

t.test('a month that was filled without statistics gets them, once; after a move all tables do', options, async (t) => {
  const url = await freshDatabase(t)
  const pool = poolOf(url)
  t.teardown(() => pool.end())
  const { from, name } = monthOf(Date.now())
  await pool.everyTenant.run(
    sql`INSERT INTO reports (id, tenantId, createdAt, updatedAt, quarantined, report)
      SELECT 'report-' || ${from} || '-' || n, 'default', ${from}, ${from}, 0, '{}' FROM generate_series(1, 1500) AS n`,
  )
  // What the server counts comes a moment later.
  let analyzed = 0
  for (let tries = 0; analyzed === 0 && tries < 500; tries++) {
    analyzed = await analyzeFreshMonths(pool)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  t.equal(analyzed, 1)
  t.same(await pool.everyTenant.first(sql`SELECT reltuples AS rows FROM pg_class WHERE relname = ${name}`), {
    rows: 1500,
  })
  for (let tries = 0; analyzed !== 0 && tries < 500; tries++) analyzed = await analyzeFreshMonths(pool)
  t.equal(analyzed, 0)
  t.ok((await analyzeAll(pool)) > 20)
  const unknown = await pool.everyTenant.all(
    sql`SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples < 0 AND relnamespace = 'public'::regnamespace`,
  )
  t.same(unknown, [])
})

t.test('a change whose notification was lost is noticed', options, async (t) => {
  const url = await freshDatabase(t)
  const { versions, ingest } = await collector(t, { COLLECTOR_DATABASE_URL: url })
  await ingest()
  const pool = poolOf(url)
  t.teardown(() => pool.end())
  const heard: string[] = []
  const end = versions.onChange((tenant) => heard.push(tenant))
  for (let tries = 0; !heard.includes('teamA') && tries < 1000; tries++) {
    await pool.everyTenant.run(
      sql`INSERT INTO tenant_versions VALUES ('teamA', 0, ${tries}) ON CONFLICT (tenantId, shard) DO UPDATE SET version = ${tries}`,
    )
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  t.ok(heard.includes('teamA'))
  end()
})

import { readConfig } from '#shared/config.ts'
import { createLogger } from '#shared/logger.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { settings } from '../../config.ts'
import { openCollectorDatabase } from '../../migrations.ts'
import { collector, judged, TEAM_A } from '../../test/collector.ts'
import { freshDatabase, needsPostgres, poolOf } from '../../test/postgres.ts'
import { sql } from '../sql.ts'
import { move } from './move.ts'
import { MADE_ANEW, MOVED } from './tables.ts'

const options = await needsPostgres()
const DAY_MS = 86_400_000

function folderOf(t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'najimban-move-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function moving(dataDir: string, url: string, say: (line: string) => void = () => undefined) {
  const config = readConfig(settings, { NODE_ENV: 'test', LOG_LEVEL: 'fatal', DATA_DIR: dataDir })
  const logger = createLogger('collector', config)
  return move({ config: { ...config, COLLECTOR_DATABASE_URL: url }, logger, say })
}

/** The service and the test's own connection: nobody has the file open then. */
async function end(running: Awaited<ReturnType<typeof collector>>): Promise<void> {
  await running.close()
  running.database.close()
}

const refusal = (promise: Promise<unknown>) => promise.catch((error: unknown) => error as Error)

t.test('every table of the file is moved, or made anew from the reports', async (t) => {
  const db = openCollectorDatabase({ DATA_DIR: folderOf(t) })
  const tables = db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all()
  db.close()
  const moved: readonly string[] = MOVED
  t.same(
    tables.filter((table) => !moved.includes(table) && !MADE_ANEW.test(table)),
    [],
  )
  t.same(
    moved.filter((table) => !tables.includes(table)),
    [],
  )
})

t.test('a collector goes on on PostgreSQL as it was on the file', options, async (t) => {
  const dataDir = path.join(folderOf(t), 'data')
  const url = await freshDatabase(t)
  const before = await collector(t, { DATA_DIR: dataDir })
  const { ask, ingest, ingestAt } = before
  const ids = [
    await ingest(
      { ...judged('block', 'warn'), markdown: '# 가', labels: { decision: 'go' } },
      { 'idempotency-key': 'one' },
    ),
    await ingest({ ...judged('info'), notes: 'not a list' }),
    await ingestAt(Date.now() - 100 * DAY_MS, { ...judged('warn'), markdown: 'a\u0000b' }),
  ]
  const foreign = await before.app.inject({
    method: 'POST',
    url: '/ingest/qc',
    payload: judged('warn'),
    headers: TEAM_A,
  })
  t.equal(foreign.statusCode, 201)
  const payload = { type: 'object', properties: { status: true } }
  t.equal((await ask('/schemas/own', { method: 'PUT', payload })).statusCode, 201)
  const sign = { method: 'POST', headers: { 'idempotency-key': 'sign' } } as const
  const link = (await ask(`/reports/${ids[0]}/sign`, sign)).json<{ bundleUrl: string }>()
  const finding = (await ask('/findings')).json<{ findings: { fingerprint: string }[] }>().findings[0]
  const mute = { method: 'PUT', payload: { reason: 'known', until: Date.now() + DAY_MS } } as const
  t.equal((await ask(`/findings/${finding?.fingerprint}/mute`, mute)).statusCode, 200)
  const hold = { method: 'PUT', payload: { reason: 'audit' } } as const
  t.equal((await ask(`/reports/${ids[1]}/hold`, hold)).statusCode, 200)
  const urls = [
    '/reports?limit=50',
    '/reports?held=true',
    '/reports?held=false&sort=-severity',
    '/findings',
    `/findings/${finding?.fingerprint}`,
    '/schemas',
    '/timeline?window_h=1',
  ]
  urls.push(...ids.flatMap((id) => [`/reports/${id}`, `/reports/${id}/sign-history`]))
  const read = async (from: typeof ask) => Promise.all(urls.map(async (one) => (await from(one)).json<unknown>()))
  const wanted = await read(ask)
  await end(before)

  const lines: string[] = []
  t.same(await moving(dataDir, url, (line) => lines.push(line)), [])
  t.ok(lines.includes('reports: 4 moved') && lines.includes('schemas: 1 moved'))

  const after = await collector(t, { DATA_DIR: dataDir, COLLECTOR_DATABASE_URL: url })
  const text = JSON.stringify(wanted).replaceAll('\\u0000', '\u2400')
  t.same(await read(after.ask), JSON.parse(text))
  t.equal((await after.ask(`/reports/${ids[0]}/sign`, sign)).json<{ bundleUrl: string }>().bundleUrl, link.bundleUrl)
  t.equal((await after.app.inject(link.bundleUrl)).statusCode, 200)
  const again = await after.ingest({ ...judged('block', 'warn'), markdown: '# 가', labels: { decision: 'go' } })
  t.equal(again, ids[0], 'what was stored is known')
  t.equal((await after.ingest({ ...judged('block', 'warn'), raw: 1 }, { 'idempotency-key': 'two' })) !== ids[0], true)
  t.match((await after.ask('/reports')).json(), { pagination: { totalCount: 4 } })
  await after.close()
  t.same(await moving(dataDir, url, (line) => lines.push(line)), [])
  t.match(lines.at(-1), /already; nothing was done/)
})

t.test('a move that was interrupted goes on, and stores nothing twice', options, async (t) => {
  const dataDir = path.join(folderOf(t), 'data')
  const url = await freshDatabase(t)
  const before = await collector(t, { DATA_DIR: dataDir })
  const reports = Array.from({ length: 1300 }, (_, n) => ({ ...judged('warn'), raw: n }))
  t.equal((await before.ask('/ingest/qc/batch', { method: 'POST', payload: reports })).statusCode, 200)
  await end(before)
  const interrupt = (line: string) => {
    if (line.startsWith('reports: 1000')) throw new Error('the light went out')
  }
  t.match(await refusal(moving(dataDir, url, interrupt)), { message: 'the light went out' })
  const pool = poolOf(url)
  t.teardown(() => pool.end())
  // As if it had died between the reports of a chunk and the note that they are there.
  await pool.everyTenant.run(sql`UPDATE collector_move SET done = 400 WHERE part = 'reports'`)
  const lines: string[] = []
  t.same(await moving(dataDir, url, (line) => lines.push(line)), [])
  t.ok(lines.includes('it goes on where it was') && lines.includes('reports: 900 moved'))
  t.same(await pool.everyTenant.first(sql`SELECT count(*) AS n, count(DISTINCT id) AS ids FROM reports`), {
    n: 1300,
    ids: 1300,
  })
})

t.test(
  'one that ends before its first chunk is noted goes on, too, and no collector starts in between',
  options,
  async (t) => {
    const dataDir = path.join(folderOf(t), 'data')
    const url = await freshDatabase(t)
    const before = await collector(t, { DATA_DIR: dataDir })
    await before.ingest(judged('warn'))
    await end(before)
    const pool = poolOf(url)
    t.teardown(() => pool.end())
    const run = (text: string) => pool.connected((client) => client.query(text))
    await run(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''the light went out''; END'`)
    await run('CREATE TRIGGER fail BEFORE INSERT ON report_hashes FOR EACH ROW EXECUTE FUNCTION fail()')
    t.match(await refusal(moving(dataDir, url)), { message: /the light went out/ })
    await run('DROP TRIGGER fail ON report_hashes')
    t.match(await refusal(collector(t, { COLLECTOR_DATABASE_URL: url })), {
      name: 'DatabaseRefused',
      message: /is not complete: .*migrate-to-postgres goes on with it/,
    })
    const lines: string[] = []
    t.same(await moving(dataDir, url, (line) => lines.push(line)), [])
    t.ok(lines.includes('it goes on where it was') && lines.includes('reports: 1 moved'))
  },
)

t.test('what differs is said, and then it is not done', options, async (t) => {
  const dataDir = path.join(folderOf(t), 'data')
  const url = await freshDatabase(t)
  const before = await collector(t, { DATA_DIR: dataDir })
  await before.ingest(judged('warn'))
  await end(before)
  const pool = poolOf(url)
  t.teardown(() => pool.end())
  await pool.connected((client) => client.query("ALTER TABLE findings ALTER COLUMN message SET DEFAULT 'x'"))
  await pool.connected((client) =>
    client.query(`CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN NEW.message := ''spoilt''; RETURN NEW; END'`),
  )
  await pool.connected((client) =>
    client.query('CREATE TRIGGER spoil BEFORE INSERT ON findings FOR EACH ROW EXECUTE FUNCTION spoil()'),
  )
  t.match(await moving(dataDir, url), [{ what: 'findings', source: /^1 rows/, target: /^1 rows/ }])
  await pool.everyTenant.run(sql`UPDATE findings SET message = 'x'`)
  t.same(await moving(dataDir, url), [], 'and it can be mended')
})

t.test('it refuses a file in use or missing, and a database with something in it', options, async (t) => {
  const dataDir = path.join(folderOf(t), 'data')
  const url = await freshDatabase(t)
  const before = await collector(t, { DATA_DIR: dataDir })
  await before.ingest()
  t.match(await refusal(moving(dataDir, url)), { name: 'DatabaseRefused', message: /is in use; stop the collector/ })
  t.match(await refusal(moving(path.join(dataDir, 'nowhere'), url)), {
    name: 'DatabaseRefused',
    message: /is not there/,
  })
  await end(before)
  const other = await freshDatabase(t)
  const there = await collector(t, { COLLECTOR_DATABASE_URL: other })
  await there.ingest()
  t.match(await refusal(moving(dataDir, other)), {
    name: 'DatabaseRefused',
    message: /refused, nothing was moved: it is not empty; give/,
  })
  t.same(await moving(dataDir, url), [])
  const second = path.join(folderOf(t), 'data')
  const stranger = await collector(t, { DATA_DIR: second })
  await end(stranger)
  t.match(await refusal(moving(second, url)), {
    name: 'DatabaseRefused',
    message: /refused, nothing was moved: .*set DATA_DIR/,
  })
})

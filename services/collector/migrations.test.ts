import Sqlite from 'better-sqlite3'
import { hash } from 'node:crypto'
import path from 'node:path'
import t from 'tap'
import { APPENDED_HASHES } from './ingest/migration.ts'
import { migrations } from './migrations.ts'
import { listAllKinds, makeFindable } from './search/migration.ts'
import { collector, judged, SQLITE_ONLY, TEAM_A } from './test/collector.ts'

const HOUR_MS = 3_600_000

t.test('reports, counts and links of the first schema are carried over', SQLITE_ONLY, async (t) => {
  const folder = t.testdir({})
  const file = new Sqlite(path.join(folder, 'collector.db'))
  file.pragma(`application_id = ${0x4e_4a_63_6f}`)
  file.exec(migrations[0] as string)
  file.pragma('user_version = 1')
  const hour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS
  const insert = file.prepare(
    `INSERT INTO reports (id, tenantId, createdAt, updatedAt, severity, policyVersion, markdown, report)
     VALUES (?, 'default', ?, ?, ?, NULL, NULL, ?)`,
  )
  for (let n = 0; n < 5; n++) {
    insert.run(`report-${hour}-00000000${n}`, hour, hour, n < 2 ? 'block' : null, JSON.stringify(judged('block')))
  }
  file.exec("DELETE FROM reports WHERE id LIKE '%4'")
  file
    .prepare("INSERT INTO sign_tokens VALUES (1, x'00', ?, 'default', 'me', 'abc...', 1, ?)")
    .run(`report-${hour}-000000000`, hour)
  file.close()

  const { ask, ingest, database } = await collector(t, { DATA_DIR: folder })
  const total = async (query: string) =>
    (await ask(`/reports?${query}`)).json<{ pagination: { totalCount: number } }>().pagination.totalCount
  t.same([await total(''), await total('state=stored'), await total('state=quarantined')], [4, 4, 0])
  t.equal(await total('severity=block'), 2)
  t.match((await ask(`/reports/report-${hour}-000000000/sign-history`)).json(), {
    count: 1,
    history: [{ id: /^[0-9a-f]{16}$/, purpose: 'bundle', singleUse: false }],
  })
  t.match((await ask('/findings')).json(), { findings: [], totalCount: 0 })
  t.same(
    [await total('rule=r'), await total('text=x'), await total('rule=s')],
    [4, 4, 0],
    'what was there can be found',
  )
  t.match((await ask('/timeline?by=rule&bucket=1d')).json(), { series: [{ name: 'r', block: 4 }] })
  await ingest(judged('block'))
  t.equal(await total('severity=block'), 3)
  t.equal((await ask(`/reports/report-${hour}-000000001`, { method: 'DELETE' })).statusCode, 204)
  t.equal(await total('severity=block'), 2)
  t.same(database.prepare('SELECT sum(reports) AS n FROM report_hours').get(), { n: 4 })
})

t.test('contents that were known by an index of hashes are still known', SQLITE_ONLY, async (t) => {
  const folder = t.testdir({})
  const file = new Sqlite(path.join(folder, 'collector.db'))
  file.pragma(`application_id = ${0x4e_4a_63_6f}`)
  const before = migrations.indexOf(APPENDED_HASHES)
  migrations.slice(0, before).forEach((migration) => file.exec(migration as string))
  file.pragma(`user_version = ${before}`)
  const now = Date.now()
  const text = '{"status":{"api":"pass"}}'
  file
    .prepare(
      `INSERT INTO reports (seq, id, tenantId, createdAt, updatedAt, report) VALUES (7, 'report-1-known0000', 'default', ?, ?, ?)`,
    )
    .run(now, now, text)
  file
    .prepare("INSERT INTO report_hashes VALUES ('default', ?, 'report-1-known0000', ?)")
    .run(hash('sha256', text, 'buffer').subarray(0, 16), now)
  file.close()
  const { ingest } = await collector(t, { DATA_DIR: folder })
  t.equal(await ingest({ status: { api: 'pass' } }), 'report-1-known0000')
  t.not(await ingest({ status: { api: 'pass' } }, TEAM_A), 'report-1-known0000')
})

t.test('what was on hold is listed as such, and reports without a severity have an index', SQLITE_ONLY, async (t) => {
  const folder = t.testdir({})
  const file = new Sqlite(path.join(folder, 'collector.db'))
  file.pragma(`application_id = ${0x4e_4a_63_6f}`)
  const before = migrations.indexOf(listAllKinds)
  const ids = [1, 2, 3].map((n) => `report-${n}-00000000${n}`)
  const insert = (id: string, at: number) =>
    file
      .prepare(
        `INSERT INTO reports (id, tenantId, createdAt, updatedAt, severity, report)
         VALUES (?, 'default', ?, ?, ?, '{"status":{}}')`,
      )
      .run(id, at + 1, at + 1, at === 0 ? 'warn' : null)
  for (const migration of migrations.slice(0, before)) {
    if (migration === makeFindable) ids.forEach(insert)
    if (typeof migration === 'string') file.exec(migration)
    else migration(file)
  }
  file.prepare("INSERT INTO report_holds VALUES ('default', ?, 'audit', 'me', 1, NULL)").run(ids[0])
  file.pragma(`user_version = ${before}`)
  file.close()

  const { ask, database } = await collector(t, { DATA_DIR: folder })
  const list = async (query: string) =>
    (await ask(`/reports?${query}`)).json<{ reports: { id: string }[] }>().reports.map(({ id }) => id)
  t.same(await list('held=true'), [ids[0]])
  t.same(await list('held=false'), [ids[2], ids[1]])
  t.same(await list('severity=none&until=2'), [ids[1]])
  const page = `EXPLAIN QUERY PLAN SELECT id FROM reports WHERE tenantId = ? AND severity IS NULL
    ORDER BY createdAt DESC, seq DESC LIMIT 20`
  const plan = database.prepare<[string], { detail: string }>(page).all('default')
  t.match(plan, [{ detail: /^SEARCH reports USING INDEX reports_without_severity \(tenantId=\?\)$/ }])
  t.equal(plan.length, 1, 'nothing is sorted')
})

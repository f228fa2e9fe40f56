import t, { type Test } from 'tap'
import { collector } from '../test/collector.ts'
import { freshDatabase, needsPostgres, poolOf } from '../test/postgres.ts'
import { sql } from '../postgres/sql.ts'
import { archivesOf, DAY_MS, linesOf } from './test/retaining.ts'

const options = await needsPostgres()

const POST = { method: 'POST' } as const
const LINES = { 'content-type': 'application/x-ndjson' }

/** Two processes' worth of the service on one database, and a way to look at its tables. */
async function replicas(t: Test, env: Record<string, string> = {}) {
  const COLLECTOR_DATABASE_URL = await freshDatabase(t)
  const settings = { COLLECTOR_DATABASE_URL, RETENTION_SCHEDULE: 'off', RETENTION_CHUNK: '1', ...env }
  const pool = poolOf(COLLECTOR_DATABASE_URL)
  t.teardown(() => pool.end())
  const months = async () =>
    (
      await pool.everyTenant.all<{ name: string }>(
        sql`SELECT relname AS name FROM pg_inherits JOIN pg_class ON oid = inhrelid
          WHERE inhparent = 'reports'::regclass ORDER BY 1`,
      )
    ).map(({ name }) => name)
  return { one: await collector(t, settings), other: await collector(t, settings), months }
}

t.test('of several replicas one runs, and the others say which', options, async (t) => {
  const { one, other } = await replicas(t)
  for (let n = 0; n < 10; n++) await one.ingestAt(Date.now() - 40 * DAY_MS, { status: {}, raw: n })
  const [first, second] = await Promise.all([
    one.ask('/admin/retention/run', POST),
    other.ask('/admin/retention/run', POST),
  ])
  t.same([first.statusCode, second.statusCode].sort(), [200, 409])
  const refused = [first, second].find(({ statusCode }) => statusCode === 409)
  t.match(refused?.json(), { run: { state: 'running' } })
  t.match((await one.ask('/reports')).json(), { pagination: { totalCount: 0 } })
  t.match((await other.ask('/admin/retention/run', POST)).json(), { deleted: 0 })
})

t.test('on schedule one of them runs', options, async (t) => {
  const { one, other } = await replicas(t, { RETENTION_SCHEDULE: '1d' })
  await one.ingestAt(Date.now() - 40 * DAY_MS)
  const dueAt = Date.now()
  const run = (startedAt: number) => ({
    requestedBy: 'schedule',
    forcedClock: false,
    retainDays: 30,
    cutoffTime: 0,
    startedAt,
    owner: 'a',
    leaseUntil: 0,
    dueAt,
  })
  const tenant = 'default' as Parameters<typeof one.stores.retention.policy>[0]
  t.type(await one.writer.run('startRetentionRun', tenant, run(dueAt + 1)), 'number')
  t.equal(await other.writer.run('startRetentionRun', tenant, run(dueAt + 2)), undefined)
})

t.test(
  'a month that is empty and over goes with the run that emptied it; what comes back makes it anew',
  options,
  async (t) => {
    const { one, other, months } = await replicas(t)
    const march = Date.parse('2026-03-15T12:00:00Z')
    const april = Date.parse('2026-04-15T12:00:00Z')
    const id = await one.ingestAt(march)
    const held = await other.ingestAt(april)
    await one.ask(`/reports/${held}/hold`, { method: 'PUT', payload: { reason: 'r' } })
    const before = await months()
    t.ok(before.includes('reports_2026_03') && before.includes('reports_2026_04'))
    const { freedBytes, deleted } = (await one.ask('/admin/retention/run', POST)).json<{
      freedBytes: number
      deleted: number
    }>()
    t.equal(deleted, 1)
    t.ok(freedBytes > 0)
    t.same(
      await months(),
      before.filter((name) => name !== 'reports_2026_03'),
      'a month with a report on hold stays, and so do those to come',
    )
    const [file] = archivesOf(one.dataDir)
    const restored = await one.ask('/admin/retention/restore', {
      ...POST,
      payload: (await linesOf(file as string)).join('\n'),
      headers: LINES,
    })
    t.match(restored.json(), { restored: 1 })
    t.equal((await other.ask(`/reports/${id}`)).statusCode, 200)
    t.same(await months(), before)
  },
)

t.test('a hold is there before a deletion, or the report is gone: never a hold on nothing', options, async (t) => {
  const { one, other } = await replicas(t)
  for (let round = 0; round < 8; round++) {
    const id = await one.ingestAt(Date.now() - 40 * DAY_MS, { status: {}, raw: round })
    const tenant = 'default' as Parameters<typeof one.stores.retention.policy>[0]
    const [row] = await one.stores.retention.byIds(tenant, [id])
    const [removed, hold] = await Promise.all([
      one.writer.run('removeUnchanged', tenant, [[id, row?.updatedAt ?? 0]]),
      other.ask(`/reports/${id}/hold`, { method: 'PUT', payload: { reason: 'r' } }),
    ])
    t.equal(hold.statusCode, removed === 1 ? 404 : 200)
    t.equal((await other.ask(`/reports/${id}`)).statusCode, removed === 1 ? 404 : 200)
  }
})

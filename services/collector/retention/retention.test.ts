import t from 'tap'
import { collector, TEAM_A } from '../test/collector.ts'

const DAY_MS = 86_400_000

t.test("a run deletes the tenant's own reports past their days, with their links, and nothing else", async (t) => {
  const { ask, ingestAt, database } = await collector(t, { RETENTION_CHUNK: '2', RETAIN_DAYS: '7' })
  const limit = Date.now() - 7 * DAY_MS
  const old = await Promise.all(Array.from({ length: 5 }, () => ingestAt(limit - 1000)))
  const young = await ingestAt(limit + 60_000)
  const foreign = await ingestAt(limit - 1000, { status: {} }, 'teamA')
  const { bundleUrl } = (await ask(`/reports/${old[0]}/sign`, { method: 'POST' })).json<{ bundleUrl: string }>()

  const before = Date.now()
  const answer = await ask('/admin/retention/run', { method: 'POST' })
  const { cutoffTime, ...rest } = answer.json<{ cutoffTime: number }>()
  t.equal(answer.statusCode, 200)
  t.match(rest, { tenantId: 'default', retainDays: 7, deleted: 5, state: 'done' })
  t.ok(cutoffTime >= before - 7 * DAY_MS && cutoffTime <= Date.now() - 7 * DAY_MS)

  t.match((await ask('/reports')).json(), { reports: [{ id: young }], pagination: { totalCount: 1 } })
  t.equal((await ask(`/reports/${old[0]}`)).statusCode, 404)
  t.equal((await ask(bundleUrl)).statusCode, 403)
  t.equal((await ask(`/reports/${foreign}`, { headers: TEAM_A })).statusCode, 200)
  t.same(database?.prepare('SELECT count(*) AS n FROM sign_tokens').get(), { n: 0 })
  t.match((await ask('/admin/retention/run', { method: 'POST', payload: {} })).json(), { deleted: 0 })
  t.match((await ask('/metrics')).body, 'collector_retention_deleted_reports_total 5')
})

t.test('reports come in while a run is under way', async (t) => {
  const { ask, ingest, ingestAt } = await collector(t, { RETENTION_CHUNK: '1' })
  for (let n = 0; n < 30; n++) await ingestAt(1000)
  const order: string[] = []
  const run = ask('/admin/retention/run', { method: 'POST' }).then((answer) => {
    order.push('run')
    return answer.json<{ deleted: number }>().deleted
  })
  await ingest().then(() => order.push('ingest'))
  t.equal(await run, 30)
  t.same(order, ['ingest', 'run'])
  t.match((await ask('/reports')).json(), { pagination: { totalCount: 1 } })
})

t.test('a retried run gives the first answer', async (t) => {
  const { ask, ingestAt } = await collector(t)
  await ingestAt(Date.now() - 31 * DAY_MS)
  const run = () => ask('/admin/retention/run', { method: 'POST', headers: { 'idempotency-key': 'nightly' } })
  const first = await run()
  t.match(first.json(), { deleted: 1, retainDays: 30 })
  t.equal((await run()).body, first.body)
})

import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import { collector, judged, TEAM_A } from '../test/collector.ts'
import { archivesOf, DAY_MS, retaining } from './test/retaining.ts'

t.test("a run deletes the tenant's own reports past their days, with their links, and nothing else", async (t) => {
  const { ask, ingestAt, sql } = await collector(t, { RETENTION_CHUNK: '2', RETAIN_DAYS: '7' })
  const limit = Date.now() - 7 * DAY_MS
  const old = await Promise.all(Array.from({ length: 5 }, () => ingestAt(limit - 1000)))
  const young = await ingestAt(limit + 60_000)
  const foreign = await ingestAt(limit - 1000, { status: {} }, 'teamA')
  const { bundleUrl } = (await ask(`/reports/${old[0]}/sign`, { method: 'POST' })).json<{ bundleUrl: string }>()

  const before = Date.now()
  const answer = await ask('/admin/retention/run', { method: 'POST' })
  const { cutoffTime, ...rest } = answer.json<{ cutoffTime: number }>()
  t.equal(answer.statusCode, 200)
  t.match(rest, { tenantId: 'default', retainDays: 7, deleted: 5, archived: 5, kept: 0, state: 'done' })
  t.ok(cutoffTime >= before - 7 * DAY_MS && cutoffTime <= Date.now() - 7 * DAY_MS)

  t.match((await ask('/reports')).json(), { reports: [{ id: young }], pagination: { totalCount: 1 } })
  t.equal((await ask(`/reports/${old[0]}`)).statusCode, 404)
  t.equal((await ask(bundleUrl)).statusCode, 403)
  t.equal((await ask(`/reports/${foreign}`, { headers: TEAM_A })).statusCode, 200)
  const [left] = await sql<{ n: number }>('SELECT count(*) AS n FROM sign_tokens')
  t.equal(Number(left?.n), 0)
  t.match((await ask('/admin/retention/run', { method: 'POST', payload: {} })).json(), { deleted: 0, files: [] })
  const metrics = (await ask('/metrics')).body
  t.match(metrics, 'collector_retention_deleted_reports_total 5')
  t.match(metrics, 'collector_retention_runs_total{state="done"} 2')
  t.match(metrics, /collector_retention_archived_bytes_total [1-9]/)
  t.match(metrics, /collector_retention_last_success_timestamp_seconds 1[\d.]{9,}/)
})

t.test('reports come in while a run is under way', async (t) => {
  const { ask, ingest, ingestAt } = await collector(t, { RETENTION_CHUNK: '1' })
  for (let n = 0; n < 10; n++) await ingestAt(1000)
  const order: string[] = []
  const run = ask('/admin/retention/run', { method: 'POST' }).then((answer) => {
    order.push('run')
    return answer.json<{ deleted: number }>().deleted
  })
  await ingest().then(() => order.push('ingest'))
  t.equal(await run, 10)
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

t.test('a tenant sets its days and whether there are archives; null is as the service says', async (t) => {
  const { ask, run, ingestOld, archives, dataDir } = await retaining(t, { RETAIN_DAYS: '20' })
  const set = (payload: object) => ask('/admin/retention', { method: 'PUT', payload })
  t.match((await ask('/admin/retention')).json(), {
    tenantId: 'default',
    retainDays: 20,
    archive: true,
    schedule: 'off',
    held: 0,
  })
  await ingestOld(10)
  await ingestOld(15, undefined, 'teamA')
  const answer = await set({ retainDays: 9, archive: false })
  t.match(answer.json(), {
    tenantId: 'default',
    retainDays: 9,
    archive: false,
    updatedAt: Number,
    updatedBy: 'default:admin',
  })
  t.match((await run()).json(), { retainDays: 9, deleted: 1, archived: 0, files: [] })
  t.throws(() => archivesOf(dataDir), { code: 'ENOENT' }, 'there is no archive')
  t.match((await ask('/admin/retention', { headers: TEAM_A })).json(), { retainDays: 20, archive: true })
  t.match((await ask('/admin/retention/run', { method: 'POST', headers: TEAM_A })).json(), { deleted: 0 })

  t.match((await set({})).json(), { retainDays: 20, archive: true })
  t.match((await set({ retainDays: null, archive: null })).json(), { retainDays: 20, archive: true })
  t.match((await set({ retainDays: 36_500 })).json(), { retainDays: 36_500 })
  await ingestOld(20_000)
  t.match((await set({ retainDays: 19_999 })).json(), { retainDays: 19_999 })
  t.match((await run()).json(), { deleted: 1, archived: 1 })
  t.equal(archives().length, 1)
  for (const retainDays of [0, -1, 1.5, 36_501, 'x']) t.equal((await set({ retainDays })).statusCode, 400)
  t.equal((await set({ archive: 'maybe' })).statusCode, 400)
})

t.test('a dry run says what would go, by month, and changes nothing', async (t) => {
  const { ask, run, ingestAt, ingestOld, dataDir } = await retaining(t)
  const payload = { status: { api: 'pass' }, markdown: '한글' }
  const months = ['2026-02-27', '2026-02-28', '2026-03-01'].map((day) => Date.parse(`${day}T12:00:00Z`))
  const ids = await Promise.all(months.map((time) => ingestAt(time, payload)))
  await ingestOld(3)
  await ask(`/reports/${ids[1]}/hold`, { method: 'PUT', payload: { reason: 'r' } })
  const bytes = JSON.stringify({ status: { api: 'pass' } }).length + Buffer.byteLength('한글')
  const expected = {
    tenantId: 'default',
    dryRun: true,
    deleted: 0,
    retainDays: 30,
    reports: 2,
    bytes: 2 * bytes,
    oldest: months[0],
    newest: months[2],
    held: 1,
    heldBytes: bytes,
    months: [
      { month: '2026-02', reports: 1, bytes, held: 1 },
      { month: '2026-03', reports: 1, bytes, held: 0 },
    ],
  }
  t.match((await run({ dry_run: true })).json(), expected)
  t.match((await run(undefined, '/admin/retention/run?dry_run=true')).json(), expected)
  t.match((await ask('/reports')).json(), { pagination: { totalCount: 4 } })
  t.throws(() => archivesOf(dataDir))
  t.same((await ask('/admin/retention/runs')).json(), { runs: [] })
  t.match((await run({ dry_run: false })).json(), { deleted: 2 })
})

t.test(
  'a second run while one is under way is refused with its state; what runs without waiting is in the history',
  async (t) => {
    const { ask, run, ingestOld } = await retaining(t, { RETENTION_CHUNK: '1' })
    for (let n = 0; n < 8; n++) await ingestOld(40, { status: {}, raw: n })
    const first = await run({ wait: false })
    t.match([first.statusCode, first.json()], [202, { state: 'running', deleted: 0 }])
    const second = await run()
    t.match(
      [second.statusCode, second.json()],
      [409, { run: { state: 'running', run: first.json<{ run: number }>().run } }],
    )
    t.equal(
      (await ask('/admin/retention/run', { method: 'POST', headers: TEAM_A })).statusCode,
      200,
      "another tenant's runs",
    )
    const history = async () => (await ask('/admin/retention/runs')).json<{ runs: { state: string }[] }>().runs
    while ((await history())[0]?.state === 'running') await new Promise((resolve) => setTimeout(resolve, 20))
    t.match(await history(), [{ state: 'done', deleted: 8, requestedBy: 'default:admin', finishedAt: Number }])
    t.equal((await run()).statusCode, 200)
  },
)

t.test('the history is bounded and comes in pages, newest first', async (t) => {
  const { ask, run } = await retaining(t, { RETENTION_RUNS_KEPT: '5' })
  for (let n = 0; n < 7; n++) await run()
  interface Page {
    runs: { run: number }[]
    nextCursor?: string
  }
  const read = async (query: string) => (await ask(`/admin/retention/runs?${query}`)).json<Page>()
  const all = (await read('')).runs.map(({ run }) => run)
  t.equal(all.length, 5)
  t.same(
    all,
    [...all].sort((a, b) => b - a),
  )
  const first = await read('limit=3')
  t.same(
    [...first.runs, ...(await read(`limit=3&cursor=${first.nextCursor}`)).runs].map(({ run }) => run),
    all,
  )
  t.equal((await ask('/admin/retention/runs?limit=101')).statusCode, 400)
  t.match((await ask('/admin/retention')).json(), { lastRun: { run: all[0], state: 'done' } })
})

t.test('findings that nobody spoke of since then go with the reports', async (t) => {
  const { ask, run, ingestOld } = await retaining(t)
  await ingestOld(40, judged('block'))
  t.match((await ask('/findings')).json(), { totalCount: 1 })
  await run()
  t.match((await ask('/findings')).json(), { totalCount: 0 })
})

t.test('a run that is stopped notes it, and the next one goes on', async (t) => {
  const { ask, retention, ingestOld, run, archived } = await retaining(t, { RETENTION_CHUNK: '1' })
  for (let n = 0; n < 12; n++) await ingestOld(40, { status: {}, raw: n })
  const begun = await retention.begin(asTenant('default'), { requestedBy: 'me' })
  await retention.stop()
  await t.rejects(begun?.end as Promise<unknown>, { message: /is stopping/ })
  const { runs } = (await ask('/admin/retention/runs')).json<{ runs: { state: string; deleted: number }[] }>()
  t.match(runs, [{ state: 'interrupted' }])
  t.match((await run()).json(), { deleted: 12 - (runs[0]?.deleted ?? 0) })
  t.equal((await archived()).size, 12)
})

import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { until } from '#shared/test/until.ts'
import { collector, TEAM_A, TEAM_B } from '../test/collector.ts'

interface Use {
  state: string
  quotas: Record<string, { limit: number; used: number; remaining: number | null }>
  stored: { reports: number; bytes: number }
  resetsAt: number
  days: { day: number; reports: number; bytes: number; refused: Record<string, number> }[]
}
interface Batch {
  items: { status: string; retryable: boolean; quota?: string; errors?: { message: string }[] }[]
  counts: Record<string, number>
}

const DAY_MS = 86_400_000
let made = 0
/** Every one is another one, of 100 bytes. */
const report = (bytes = 100) => {
  const whole = { status: {}, raw: [made++, ''] as [number, string] }
  whole.raw[1] = 'x'.repeat(bytes - JSON.stringify(whole).length)
  return whole
}

async function metered(t: Test, quotas: Record<string, number>, env: Record<string, string> = {}) {
  const service = await collector(t, env)
  const { ask } = service
  const limit = (set: Record<string, number | null>, tenant = 'teamA') =>
    ask(`/admin/tenants/${tenant}`, { method: 'PATCH', payload: { quotas: set } })
  t.equal((await limit(quotas)).statusCode, 200)
  const send = (payload: unknown = report(), headers: Record<string, string> = {}) =>
    ask('/ingest/qc', { method: 'POST', payload, headers: { ...TEAM_A, ...headers } })
  const batch = (payload: unknown, headers: Record<string, string> = {}) =>
    ask('/ingest/qc/batch', { method: 'POST', payload, headers: { ...TEAM_A, ...headers } })
  const use = async (headers: Record<string, string> = TEAM_A) => (await ask('/usage', { headers })).json<Use>()
  return { ...service, limit, send, batch, use }
}

t.test('a quota lets exactly so many in, and the refusal names it and says when to come again', async (t) => {
  const { send, use, ask, app } = await metered(t, { reportsPerDay: 3 })
  for (let n = 0; n < 3; n++) t.equal((await send()).statusCode, 201)
  const over = await send()
  t.match([over.statusCode, over.headers['content-type']], [429, /problem\+json/])
  t.match(over.json(), {
    quota: 'reportsPerDay',
    limit: 3,
    message: 'The quota reportsPerDay (3) of the tenant teamA is used up',
  })
  const { resetsAt, quotas, stored, days } = await use()
  const wait = Number(over.headers['retry-after'])
  t.ok(Math.abs(Date.now() + wait * 1000 - resetsAt) < 60_000, 'until the next UTC day')
  t.equal(resetsAt % DAY_MS, 0)
  t.same(quotas.reportsPerDay, { limit: 3, used: 3, remaining: 0 })
  t.same(quotas.bytesPerDay, { limit: 0, used: 300, remaining: null })
  t.same(stored, { reports: 3, bytes: 300 })
  t.match(days, [{ reports: 3, bytes: 300, refused: { reportsPerDay: 1 } }])
  t.equal((await ask('/ingest/qc', { method: 'POST', payload: report(), headers: TEAM_B })).statusCode, 201)
  t.match((await app.inject('/metrics')).body, 'collector_reports_refused_total{reason="reportsPerDay"} 1')
  t.notMatch((await app.inject('/metrics')).body, /teamA/, 'the page is public')
})

t.test('a tenant without quotas of its own has those of the settings', async (t) => {
  const { send, limit } = await metered(t, {}, { QUOTA_REPORTS_PER_DAY: '1' })
  t.equal((await send()).statusCode, 201)
  t.equal((await send()).statusCode, 429)
  await limit({ reportsPerDay: 0 })
  t.equal((await send()).statusCode, 201, '0 is no limit, at once')
  await limit({ reportsPerDay: null })
  t.equal((await send()).statusCode, 429, 'null is that of the settings, at once')
})

t.test('the body of a report for which there is no room is not read', async (t) => {
  const { send, batch } = await metered(t, { reportsPerDay: 1 })
  await send()
  t.equal((await send('no JSON', { 'content-type': 'application/json' })).statusCode, 429)
  t.equal((await batch('no array', { 'content-type': 'application/json' })).statusCode, 429)
})

t.test('bytes are those that are stored, and are checked however the length is said', async (t) => {
  const { send, batch, use, limit } = await metered(t, { bytesPerDay: 1000 })
  t.equal((await send(report(600))).statusCode, 201)
  t.match((await send(report(401))).json(), { status: 429, quota: 'bytesPerDay' })
  t.equal((await send(report(399), { 'transfer-encoding': 'chunked' })).statusCode, 201)
  t.match((await send(report(50))).json(), { status: 429 })
  t.match((await send(report(1001))).json(), { status: 413, quota: 'bytesPerDay' }, 'which never has room')
  t.same((await use()).quotas.bytesPerDay, { limit: 1000, used: 999, remaining: 1 })
  await limit({ bytesPerDay: 1500 })
  const coded = gzipSync(JSON.stringify([report(200), report(350), report(200)]))
  const answer = await batch(coded, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
  t.match(answer.json<Batch>().items, [
    { status: 'stored' },
    { status: 'rejected', retryable: true, quota: 'bytesPerDay' },
    { status: 'stored' },
  ])
  const spaced = JSON.stringify(report(), null, 8)
  await limit({ bytesPerDay: 0 })
  await send(spaced, { 'content-type': 'application/json' })
  const { used } = (await use()).quotas.bytesPerDay as { used: number }
  t.equal(used, 1399 + JSON.stringify(JSON.parse(spaced)).length, 'white space is not stored')
})

t.test('a batch is taken as far as there is room, and refused as a whole when there is none', async (t) => {
  const { batch, use, ask } = await metered(t, { reportsPerDay: 3 }, { INGEST_CHUNK: '2' })
  const partly = await batch(Array.from({ length: 5 }, () => report()))
  t.equal(partly.statusCode, 200)
  t.ok(Number(partly.headers['retry-after']) > 0)
  const { items, counts } = partly.json<Batch>()
  t.match(counts, { stored: 3, rejected: 2 })
  t.match(items.slice(3), [{ status: 'rejected', retryable: true, quota: 'reportsPerDay' }, { retryable: true }])
  t.match(items[4]?.errors, [{ message: /quota reportsPerDay \(3\) of the tenant teamA/ }])
  const none = await batch([report(), report()])
  t.match([none.statusCode, none.json()], [429, { quota: 'reportsPerDay' }])
  t.equal(
    (await ask('/admin/tenants/teamA', { method: 'PATCH', payload: { quotas: { storageBytes: 301 } } })).statusCode,
    200,
  )
  const { refused } = (await use()).days[0] as Use['days'][0]
  t.same(refused, { reportsPerDay: 3 })
})

t.test('a batch of which nothing has room is a 429 with its verdicts', async (t) => {
  const { batch } = await metered(t, { storageBytes: 150 })
  t.equal((await batch([report(149)])).statusCode, 200)
  const answer = await batch([report(100), report(100)])
  t.equal(answer.statusCode, 429)
  t.equal(answer.headers['retry-after'], '3600', 'nobody knows when something is deleted')
  t.match(answer.json<Batch>().items, [
    { status: 'rejected', retryable: true, quota: 'storageBytes' },
    { status: 'rejected', retryable: true, quota: 'storageBytes' },
  ])
})

t.test('what is sent at once is never more than the quota, and exactly that', async (t) => {
  const { send, batch, use } = await metered(t, { reportsPerDay: 50, bytesPerDay: 100_000 }, { INGEST_CHUNK: '7' })
  const reports = (count: number) => Array.from({ length: count }, () => report())
  const [one, two, ...singles] = await Promise.all([
    batch(reports(40)),
    batch(reports(40)),
    ...Array.from({ length: 30 }, () => send()),
  ])
  const stored = [one, two].map((answer) => answer.json<Batch>().counts.stored ?? 0)
  const taken = singles.filter(({ statusCode }) => statusCode === 201).length
  t.equal((stored[0] as number) + (stored[1] as number) + taken, 50)
  t.match(await use(), {
    quotas: { reportsPerDay: { used: 50 }, bytesPerDay: { used: 5000 } },
    stored: { reports: 50 },
  })
})

t.test('what is stored already, or is no report, counts for the minute only', async (t) => {
  const { send, batch, use } = await metered(t, { reportsPerDay: 9, reportsPerMinute: 100 })
  const same = report()
  await send(same)
  t.match((await send(same)).json(), { status: 'ingested' })
  t.equal((await send({ nothing: 1 })).statusCode, 400)
  t.match((await batch([same, { nothing: 1 }])).json<Batch>().counts, { duplicate: 1, rejected: 1 })
  t.match((await use()).quotas, {
    reportsPerDay: { used: 1 },
    bytesPerDay: { used: 100 },
    reportsPerMinute: { used: 5 },
  })
})

t.test('a refusal is not the answer that an Idempotency-Key remembers', async (t) => {
  const { send, limit } = await metered(t, { reportsPerDay: 1 })
  await send()
  const headers = { 'idempotency-key': 'k' }
  const payload = report()
  t.equal((await send(payload, headers)).statusCode, 429)
  await limit({ reportsPerDay: 2 })
  const taken = await send(payload, headers)
  t.equal(taken.statusCode, 201)
  await limit({ reportsPerDay: 0 })
  const again = await send(payload, headers)
  t.match([again.headers['idempotency-replayed'], again.json()], ['true', taken.json()])
})

t.test('the minute has so many reports, and says how long to wait', async (t) => {
  const { send, limit } = await metered(t, { reportsPerMinute: 2 })
  await send()
  await send()
  const over = await send()
  t.match([over.statusCode, over.json()], [429, { quota: 'reportsPerMinute', limit: 2 }])
  const wait = Number(over.headers['retry-after'])
  t.ok(wait > 30 && wait <= 61, String(wait))
  await limit({ reportsPerMinute: 3 })
  t.equal((await send()).statusCode, 201)
})

t.test('what is deleted gives storage back, and nothing of the day; a restart forgets neither', async (t) => {
  const folder = { DATA_DIR: t.testdir({}) }
  const { send, ask, use, close, ingestAt } = await metered(t, { storageBytes: 250, reportsPerDay: 4 }, folder)
  const { id } = (await send()).json<{ id: string }>()
  await send()
  t.match((await send()).json(), { quota: 'storageBytes' })
  await ask(`/reports/${id}`, { method: 'DELETE', headers: TEAM_A })
  t.equal((await send()).statusCode, 201)
  const old = await ingestAt(Date.now() - 90 * DAY_MS, { status: {}, raw: 'old' }, 'teamA')
  t.match(await use(), { stored: { reports: 3 }, quotas: { reportsPerDay: { used: 3 } } }, 'what comes back takes room')
  await ask(`/reports/${old}`, { method: 'DELETE', headers: TEAM_A })
  const expected = {
    quotas: { reportsPerDay: { used: 3 }, storageBytes: { used: 200 } },
    stored: { reports: 2, bytes: 200 },
  }
  t.match(await use(), expected)
  await close()
  const { ask: askAgain } = await collector(t, folder)
  t.match((await askAgain('/usage', { headers: TEAM_A })).json(), expected)
  const over = await askAgain('/ingest/qc', { method: 'POST', payload: report(), headers: TEAM_A })
  t.match(over.json(), { quota: 'storageBytes' })
})

t.test('a retention run gives storage back', async (t) => {
  const { ask, use, ingestAt } = await metered(t, {})
  for (const days of [90, 60, 1]) await ingestAt(Date.now() - days * DAY_MS, report(), 'teamA')
  t.same((await use()).stored, { reports: 3, bytes: 300 })
  await ask('/admin/retention/run', { method: 'POST', headers: TEAM_A })
  t.same((await use()).stored, { reports: 1, bytes: 100 })
})

t.test('usage is what a recount gives, after batches, duplicates, quarantine, markdown and deletes', async (t) => {
  const { batch, send, ask, sql, use } = await metered(t, {})
  await batch([report(), { ...report(), markdown: '# 한국어' }, { status: {}, policy: 7 }, { nothing: 1 }])
  await send({ ...report(), markdown: '가'.repeat(50), labels: { ok: true } })
  const { reports } = (await ask('/reports', { headers: TEAM_A })).json<{ reports: { id: string }[] }>()
  await ask(`/reports/${reports[1]?.id}`, { method: 'DELETE', headers: TEAM_A })
  const [recount] = await sql<{ n: number; b: number }>(
    `SELECT count(*) AS n, sum(octet_length(report) + coalesce(octet_length(markdown), 0)) AS b FROM reports
     WHERE tenantId = ?`,
    'teamA',
  )
  t.same((await use()).stored, { reports: Number(recount?.n), bytes: Number(recount?.b) })
  t.match((await use()).days, [{ reports: 4 }])
})

t.test('only days that were asked for are shown, and those past USAGE_DAYS_MAX are forgotten', async (t) => {
  const { ask, sql, writer, use } = await metered(t, {}, { USAGE_DAYS_MAX: '10' })
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS
  for (const [tenant, days] of [
    ['teamA', 1],
    ['teamA', 8],
    ['teamB', 2],
    ['teamA', 11],
  ] as const) {
    await writer.run('addRefusals', [[tenant as never, today - days * DAY_MS, 'reportsPerDay', 5]])
  }
  const shown = async (query: string) =>
    (await ask(`/usage${query}`, { headers: TEAM_A })).json<Use>().days.map(({ day }) => (today - day) / DAY_MS)
  t.same(await shown(''), [1])
  t.same(await shown('?days=10'), [1, 8])
  t.equal((await ask('/usage?days=11', { headers: TEAM_A })).statusCode, 400)
  const nothing = { reports: 0, quarantined: 0, bytes: 0, duplicates: 0, rejected: 0 }
  t.same((await use()).days, [{ day: today - DAY_MS, ...nothing, refused: { reportsPerDay: 5 } }])
  await writer.run('removeUsageBefore', today - 10 * DAY_MS)
  const left = await sql<{ n: number }>('SELECT count(*) AS n FROM tenant_refusals')
  t.equal(Number(left[0]?.n), 3)
})

t.test('a day on which all was refused is shown, also when others have sent something on it', async (t) => {
  const { ask, limit, send, use } = await metered(t, { bytesPerDay: 1 })
  t.equal((await send()).statusCode, 413)
  t.equal((await ask('/ingest/qc', { method: 'POST', payload: report(), headers: TEAM_B })).statusCode, 201)
  t.match((await use()).days, [{ reports: 0, bytes: 0, refused: { bytesPerDay: 1 } }])
  await limit({ bytesPerDay: null })
  t.equal((await send()).statusCode, 201)
  t.match((await use()).days, [{ reports: 1, bytes: 100, refused: { bytesPerDay: 1 } }])
})

t.test('what found no room in the queue is counted, and nothing of it against the minute', async (t) => {
  const { send, batch, use } = await metered(t, { reportsPerMinute: 100 }, { WRITE_QUEUE_MAX: '2' })
  const answers = await Promise.all([
    ...Array.from({ length: 12 }, () => send()),
    batch([report(), report(), report(), report()]),
  ])
  const full = answers.filter(({ statusCode }) => statusCode === 503)
  t.ok(full.length > 0 && full.every(({ headers }) => headers['retry-after'] === '1'))
  // What counts them may find no room at first, either.
  const { quotas, stored } = await until('every report is stored or counted', async () => {
    const used = await use()
    return used.stored.reports + (used.days[0]?.refused.overloaded ?? 0) === 16 && used
  })
  t.equal(quotas.reportsPerMinute?.used, stored.reports)
})

t.test('an entry of the audit log for each refusal would cost more than the refusal', async (t) => {
  const { send, ask } = await metered(t, { reportsPerDay: 1 })
  for (let n = 0; n < 5; n++) await send()
  const { logs } = (await ask('/admin/audit/logs', { headers: TEAM_A })).json<{ logs: { statusCode: number }[] }>()
  t.same(
    logs.map(({ statusCode }) => statusCode),
    [201],
  )
})

import fc from 'fast-check'
import t from 'tap'
import { collector, TEAM_A, TEAM_B } from '../test/collector.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { FindingItem, HistoryEntry } from './store.ts'

const HOUR_MS = 3_600_000

interface Detail extends FindingItem {
  history: HistoryEntry[]
  nextCursor?: string
}

interface List {
  findings: FindingItem[]
  totalCount: number
  nextCursor?: string
}

type Judged = { rule?: string; target?: string; verdict: string; message?: string }

let serial = 0
/** A report with these evaluations, like no other. */
const judging = (...evaluations: Judged[]) => ({
  status: {},
  raw: serial++,
  policy: {
    evaluations: evaluations.map(({ rule = 'r', target = 't', verdict, message = 'm' }) => ({
      ...{ rule_id: rule, target, verdict, message },
    })),
  },
})

async function findings(t: Parameters<typeof collector>[0], env: Record<string, string> = {}) {
  const service = await collector(t, env)
  const list = async (query = '', headers: Record<string, string> = {}) =>
    (await service.ask(`/findings?${query}`, { headers })).json<List>()
  const detail = async (fingerprint: string, query = '') =>
    (await service.ask(`/findings/${fingerprint}?${query}`)).json<Detail>()
  const only = async () => detail((await list()).findings[0]?.fingerprint as string)
  return { ...service, list, detail, only }
}

t.test(
  'a finding opens, is resolved by a pass, and opens again; its history says when and by which report',
  async (t) => {
    const { ingest, only } = await findings(t)
    const bad = { verdict: 'block', message: 'p95 812 ms' }
    const first = await ingest(judging(bad))
    t.match(await only(), { rule: 'r', target: 't', severity: 'block', state: 'open', count: 1, flaky: false })
    const again = await ingest(judging({ ...bad, message: 'p95 900 ms' }))
    const seen = await only()
    t.match(seen, { state: 'open', count: 2, message: 'p95 900 ms', lastReportId: again, verdict: 'block' })
    t.ok(seen.firstSeen <= seen.lastSeen)
    const fixed = await ingest(judging({ ...bad, verdict: 'pass' }))
    t.match(await only(), { state: 'resolved', count: 3, verdict: 'pass', flaky: false })
    const back = await ingest(judging(bad))
    t.match(await only(), {
      state: 'reopened',
      count: 4,
      flaky: true,
      history: [
        { event: 'reopened', verdict: 'block', reportId: back },
        { event: 'resolved', verdict: 'pass', reportId: fixed },
        { event: 'opened', verdict: 'block', reportId: first },
      ],
    })
  },
)

t.test('what a report says no more of a rule and a target is resolved; what it does not judge stays', async (t) => {
  const { ingest, list } = await findings(t)
  await ingest(
    judging({ verdict: 'warn', message: 'a' }, { verdict: 'warn', message: 'b' }, { target: 'u', verdict: 'warn' }),
  )
  await ingest(judging({ verdict: 'warn', message: 'b' }))
  const states = Object.fromEntries(
    (await list()).findings.map(({ target, message, state }) => [target + message, state]),
  )
  t.same(states, { ta: 'resolved', tb: 'open', um: 'open' })
  await ingest(judging({ verdict: 'pass', message: 'fine' }))
  t.match(await list('state=open'), { findings: [{ target: 'u' }], totalCount: 1 })
})

t.test('a report from before a finding was resolved does not open it again, however it was resolved', async (t) => {
  const { ingestAt, list } = await findings(t)
  const now = Date.now()
  const [bad, fine] = [judging({ verdict: 'block', message: 'a' }), judging({ verdict: 'pass', message: 'b' })]
  await ingestAt(now - 3 * HOUR_MS, bad)
  await ingestAt(now - HOUR_MS, fine)
  await ingestAt(now - 2 * HOUR_MS, { ...bad, raw: 'late' })
  t.match((await list('severity=block')).findings, [
    { state: 'resolved', verdict: 'pass', count: 2, lastSeen: now - 2 * HOUR_MS, changedAt: now - HOUR_MS },
  ])
  await ingestAt(now, { ...bad, raw: 'new' })
  t.match((await list('severity=block')).findings, [{ state: 'reopened', count: 3, lastSeen: now }])
})

t.test('both forms of an evaluation make findings', async (t) => {
  const { ingest, list } = await findings(t)
  await ingest({
    status: {},
    policy: {
      evaluations: [
        { severity: 'warn', rule: 'short', result: 'slow' },
        { severity: 'block', rule: 'passed', result: 'pass' },
        { rule_id: 'long', target: '홈', verdict: 'block', severity: 'block', message: '느림' },
      ],
    },
  })
  const found = (await list()).findings
  const of = (rule: string) => found.find((one) => one.rule === rule)
  t.match(of('short'), { target: '', verdict: 'warn', severity: 'warn', message: 'slow', state: 'open' })
  t.match(of('passed'), { verdict: 'pass', severity: 'block', state: 'resolved' })
  t.match(of('long'), { target: '홈', state: 'open' })
})

t.test('an identical report again, and one in quarantine, change nothing', async (t) => {
  const { ask, ingest, sql } = await findings(t)
  const report = judging({ verdict: 'block' })
  const stored = async () => [await sql('SELECT * FROM findings'), await sql('SELECT * FROM finding_events')]
  const id = await ingest(report)
  const before = await stored()
  t.equal(await ingest(report), id)
  t.equal(await ingest(report, { 'idempotency-key': 'k' }), id)
  const batch = await ask('/ingest/qc/batch', { method: 'POST', payload: [report, report] })
  t.match(batch.json(), {
    items: [
      { status: 'duplicate', id },
      { status: 'duplicate', id },
    ],
  })
  await ingest({ ...judging({ verdict: 'warn', message: 'other' }), notes: 7 })
  t.same(await stored(), before)
})

t.test('findings are filtered, counted and paged', async (t) => {
  const { ask, ingestAt, list } = await findings(t)
  const now = Date.now()
  for (let n = 0; n < 7; n++) {
    const place = { rule: `r${n % 2}`, target: `앱 ${String.fromCharCode(97 + n)}`.normalize('NFD') }
    await ingestAt(now - n * HOUR_MS, judging({ ...place, verdict: n % 3 === 0 ? 'block' : 'warn' }))
  }
  t.equal((await list()).totalCount, 7)
  t.equal((await list('rule=r1')).totalCount, 3)
  t.equal((await list(`target=${encodeURIComponent('앱 c'.normalize('NFC'))}`)).totalCount, 1, 'however it is written')
  t.equal((await list('severity=block')).totalCount, 3)
  t.equal((await list('severity=block&rule=r0')).totalCount, 2)
  t.equal((await list(`since=${now - 2 * HOUR_MS}`)).totalCount, 3)
  t.equal((await list(`until=${now - 5 * HOUR_MS}`)).totalCount, 2)
  t.equal((await list('state=resolved')).totalCount, 0)
  t.equal((await list('flaky=true')).totalCount, 0)
  t.equal((await list('flaky=false&muted=false&state=open')).totalCount, 7)
  const seen: string[] = []
  let cursor: string | undefined = ''
  while (cursor !== undefined) {
    const page: List = await list(`limit=3&cursor=${cursor}`)
    seen.push(...page.findings.map(({ fingerprint }) => fingerprint))
    cursor = page.nextCursor
  }
  t.equal(new Set(seen).size, 7)
  for (const query of ['state=x', 'limit=0', 'limit=101', 'cursor=x', 'severity=x', 'since=x', 'flaky=perhaps']) {
    t.equal((await ask(`/findings?${query}`)).statusCode, 400, query)
  }
  t.equal((await ask('/findings/x')).statusCode, 400)
  t.equal((await ask(`/findings/${'0'.repeat(32)}`)).statusCode, 404)
})

t.test('a finding is muted with a reason until a time, by whoever may write', async (t) => {
  const { ask, ingest, list, only } = await findings(t, {
    API_KEYS: 'default:collector-key,default:reader:viewer,teamB:teamB-key',
  })
  await ingest(judging({ verdict: 'warn' }))
  const { fingerprint } = await only()
  const url = `/findings/${fingerprint}/mute`
  const put = (payload: unknown, headers = {}) => ask(url, { method: 'PUT', payload, headers })
  const until = Math.ceil(Date.now() / 60_000) * 60_000 + HOUR_MS
  t.equal((await put({ reason: 'x', until }, { 'x-api-key': 'reader' })).statusCode, 403)
  t.equal((await put({ reason: 'x', until }, TEAM_B)).statusCode, 404)
  for (const bad of [{}, { reason: 'x' }, { until }, { reason: '', until }, { reason: 'x', until: Date.now() - 1 }]) {
    t.equal((await put(bad)).statusCode, 400, JSON.stringify(bad))
  }
  t.match((await put({ reason: '점검 중', until })).json(), { fingerprint, muted: { reason: '점검 중', until } })
  t.match((await put({ reason: 'x', until: new Date(until).toISOString() })).json(), { muted: { until } })
  t.equal((await list('muted=true')).totalCount, 1)
  await ingest(judging({ verdict: 'pass' }))
  t.match(await only(), { state: 'resolved', muted: { by: 'default:admin' } }, 'a mute outlives what happens meanwhile')
  t.notOk('muted' in (await ask(url, { method: 'DELETE' })).json<FindingItem>())
  t.equal((await list('muted=true')).totalCount, 0)
})

t.test('findings are the tenant’s own, and go with retention when nobody spoke of them', async (t) => {
  const { ask, ingest, ingestAt, list, only } = await findings(t, { RETENTION_CHUNK: '2' })
  const old = Date.now() - 31 * 24 * HOUR_MS
  for (let n = 0; n < 5; n++) await ingestAt(old + n, judging({ rule: `old${n}`, verdict: 'warn' }))
  await ingestAt(old, judging({ verdict: 'warn' }))
  await ingest(judging({ verdict: 'warn' }), TEAM_A)
  await ingest(judging({ verdict: 'warn' }))
  t.equal((await list()).totalCount, 6)
  t.equal((await list('', TEAM_A)).totalCount, 1)
  await ask('/admin/retention/run', { method: 'POST' })
  t.match(await only(), { rule: 'r', count: 2, history: [] })
  t.equal((await list()).totalCount, 1)
  t.equal((await list('', TEAM_A)).totalCount, 1)
})

t.test('one report tells of so many findings, and a tenant has so many; the others are counted', async (t) => {
  const { ask, ingest, list } = await findings(t, { FINDINGS_PER_REPORT_MAX: '3', FINDINGS_MAX: '5' })
  const telling = (...rules: string[]) => judging(...rules.map((rule) => ({ rule, verdict: 'warn' })))
  const dropped = async () => /findings_dropped_total (\d+)/.exec((await ask('/metrics')).body)?.[1]
  await ingest(telling('a', 'b', 'c'))
  t.equal(await dropped(), '0')
  const id = await ingest(telling('d', 'a', 'b', 'e'))
  t.match([(await list()).totalCount, await dropped()], [4, '1'])
  const { report } = (await ask(`/reports/${id}`)).json<{ report: { policy: { evaluations: unknown[] } } }>()
  t.equal(report.policy.evaluations.length, 4, 'they are in the report')
  const batch = await ask('/ingest/qc/batch', { method: 'POST', payload: [telling('e', 'f'), telling('g', 'a')] })
  t.match(batch.json(), { counts: { stored: 2 } })
  const rules = (await list()).findings.map(({ rule, count }) => [rule, count]).sort()
  t.same(rules, [
    ['a', 3],
    ['b', 2],
    ['c', 1],
    ['d', 1],
    ['e', 1],
  ])
  t.equal(await dropped(), '3')
  await ingest(telling('f'), TEAM_B)
  t.equal((await list('', TEAM_B)).totalCount, 1, 'each tenant has its own')
  await ask('/reports/replay', { method: 'POST' })
  t.equal((await list()).totalCount, 5)
})

t.test('findings that are seen again and again take no room from new ones', async (t) => {
  const { ask, ingest, list } = await findings(t, { FINDINGS_PER_REPORT_MAX: '5', FINDINGS_MAX: '100' })
  const telling = (from: number) =>
    judging(...Array.from({ length: 5 }, (_, n) => ({ rule: `r${from + n}`, verdict: 'warn' })))
  for (let n = 0; n < 16; n++) await ingest(telling(0))
  const payload = Array.from({ length: 10 }, (_, n) => telling(5 + 5 * n))
  t.match((await ask('/ingest/qc/batch', { method: 'POST', payload })).json(), { counts: { stored: 10 } })
  t.equal((await list()).totalCount, 55)
})

t.test(
  'however reports are grouped into writes, and whenever they leave quarantine, findings are those of a recount',
  async (t) => {
    const { sql, ingestAll, recount } = await grouped(t)
    const evaluation = fc.record({
      rule: fc.constantFrom('r1', 'r2'),
      target: fc.constantFrom('t1', 't2'),
      verdict: fc.constantFrom('pass', 'warn', 'block'),
      message: fc.constantFrom('a', 'b'),
    })
    const groups = fc.array(fc.array(fc.array(evaluation, { maxLength: 3 }), { minLength: 1, maxLength: 4 }), {
      maxLength: 6,
    })
    const kept = () =>
      sql(
        "SELECT fingerprint, state, verdict, count, changes, opened FROM findings WHERE tenantId = 'default' ORDER BY 1",
      )
    await fc.assert(
      fc.asyncProperty(groups, async (writes) => {
        await sql('DELETE FROM findings')
        for (const write of writes) await ingestAll(write.map((evaluations) => judging(...evaluations)))
        t.same(await kept(), recount(writes.flat()))
      }),
      { numRuns: 60 },
    )
  },
)

/** Stores reports in one write, and counts findings in the plainest way: each over all reports that judge its place. */
async function grouped(t: Parameters<typeof collector>[0]) {
  const { ask, sql } = await findings(t)
  const ingestAll = async (payload: object[]) => {
    const answer = await ask('/ingest/qc/batch', { method: 'POST', payload })
    t.match(answer.json(), { counts: { stored: payload.length } })
  }
  const rank = { pass: 0, warn: 1, block: 2 } as Record<string, number>
  const recount = (reports: readonly (readonly Required<Judged>[])[]) => {
    const all = new Map(reports.flat().map((one) => [fingerprintOf(one), one]))
    const rows = [...all].map(([fingerprint, { rule, target }]) => {
      let [verdict, count, changes, opened]: [string | undefined, number, number, number] = [undefined, 0, 0, 0]
      for (const report of reports) {
        const here = report.filter((one) => one.rule === rule && one.target === target)
        const own = here.filter((one) => fingerprintOf(one) === fingerprint).map((one) => one.verdict)
        if (here.length === 0 || (own.length === 0 && verdict === undefined)) continue
        const said = own.sort((a, b) => (rank[b] as number) - (rank[a] as number))[0] ?? 'pass'
        if (own.length > 0) count++
        if (verdict !== undefined && said !== verdict) changes++
        if (said !== 'pass' && (verdict === undefined || verdict === 'pass')) opened++
        verdict = said
      }
      const state = verdict === 'pass' ? 'resolved' : opened > 1 ? 'reopened' : 'open'
      return { fingerprint, state, verdict, count, changes, opened }
    })
    return rows.sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1))
  }
  return { sql, ingestAll, recount }
}

import t from 'tap'
import { DEFAULT_TENANT } from '#shared/caller.ts'
import type { ReportItem } from '../reports/list.ts'
import { collector, TEAM_A } from '../test/collector.ts'
import { ON_POSTGRES } from '../test/postgres.ts'

interface List {
  reports: ReportItem[]
  pagination: { totalCount: number; nextCursor?: string }
}

const evaluation = (rule: string, target: string, severity: string, message: string) => ({
  rule_id: rule,
  target,
  verdict: severity === 'info' ? 'pass' : severity,
  severity,
  message,
})
const saying = (...evaluations: object[]) => ({ status: { api: 'pass' }, policy: { evaluations } })

async function searching(t: Parameters<typeof collector>[0], env: Record<string, string> = {}) {
  const parts = await collector(t, env)
  const list = async (query: Record<string, string>, headers: Record<string, string> = {}) => {
    const answer = await parts.ask(`/reports?${new URLSearchParams(query).toString()}`, { headers })
    if (answer.statusCode !== 200) throw new Error(answer.body)
    return answer.json<List>()
  }
  const find = async (query: Record<string, string>, headers: Record<string, string> = {}) => {
    const { reports, pagination } = await list(query, headers)
    t.equal(pagination.totalCount, reports.length, JSON.stringify(query))
    return reports.map(({ id }) => id)
  }
  return { ...parts, list, find }
}

t.test('labels, policy versions and notes are found in any normal form, and shown as they were sent', async (t) => {
  const { ask, ingest, find } = await searching(t, { LABEL_ALLOWLIST: '결정' })
  const [version, note] = ['2026-정책', `${'가나다라 '.repeat(100)}마지막`]
  const sent = (['NFC', 'NFD'] as const).map((form) => ({
    ...{ status: {}, labels: { ['결정'.normalize(form)]: '보류'.normalize(form) }, notes: [note.normalize(form)] },
    policy: { policy_version: version.normalize(form), evaluations: [] },
  }))
  const ids: string[] = []
  for (const report of sent) ids.unshift(await ingest(report))
  for (const form of ['NFC', 'NFD']) {
    t.same(await find({ label: '결정'.normalize(form) }), ids)
    t.same(await find({ label: '결정:보류'.normalize(form) }), ids)
    t.same(await find({ policy_version: version.normalize(form) }), ids)
    t.same(await find({ text: '마지막'.normalize(form) }), ids, 'at the end of a long note')
    const timeline = await ask(`/timeline?policy_version=${encodeURIComponent(version.normalize(form))}`)
    const { buckets } = timeline.json<{ buckets: { info: number }[] }>()
    t.equal(
      buckets.reduce((sum, { info }) => sum + info, 0),
      2,
    )
  }
  for (const [at, id] of [...ids].reverse().entries()) {
    const { report } = (await ask(`/reports/${id}`)).json<{ report: object }>()
    t.same(report, sent[at])
  }
})

t.test('reports are found by rule, target, label and text, in Korean and in any normal form', async (t) => {
  const { ask, ingest, find } = await searching(t)
  const home = await ingest(saying(evaluation('지연', '홈 화면', 'warn', '응답이 느립니다: 250 ms')))
  const login = await ingest({
    ...saying(evaluation('지연', '로그인', 'block', '응답 없음'), evaluation('rule-17', '홈 화면', 'info', 'Fine')),
    notes: ['한라산 서버에서 점검했다', 'Build 1234'],
    labels: { decision: 'block', ok: false, other: 'x' },
  })
  const misfit = await ingest({
    ...saying(evaluation('지연', '검색', 'warn', '느린 검색')),
    notes: 'no list',
    labels: { decision: 'pass' },
  })
  await ingest(saying(evaluation('지연', '홈 화면', 'warn', '응답이 느립니다')), TEAM_A)

  t.same(await find({ rule: '지연' }), [misfit, login, home], 'also one in quarantine')
  t.same(await find({ rule: '지연', state: 'stored' }), [login, home])
  t.same(await find({ rule: '지연', state: 'quarantined' }), [misfit])
  t.same(await find({ rule: '지연'.normalize('NFD'), target: '홈 화면' }), [home], 'of one evaluation')
  t.same(await find({ target: '홈 화면' }), [login, home])
  t.same(await find({ rule: '지' }), [], 'a name is a whole name')
  t.same(await find({ label: 'decision' }), [misfit, login])
  t.same(await find({ label: 'decision:block' }), [login])
  t.same(await find({ label: 'ok:false' }), [login])
  t.same(await find({ label: 'other' }), [], 'not on LABEL_ALLOWLIST')
  for (const text of ['느립니다', '느립', '립니', '응', '응답 느립', '느립니다 응답이'.normalize('NFD')]) {
    t.ok((await find({ text })).includes(home), text)
  }
  t.same(await find({ text: '한라산' }), [login])
  t.same(await find({ text: '라산 점검' }), [login])
  t.same(await find({ text: 'bUiL' }), [login])
  t.same(await find({ text: 'ｂｕｉｌｄ' }), [login])
  t.same(await find({ text: '99 ms' }), [home], 'in messages numbers are alike')
  t.same(await find({ text: 'rule-17' }), [login], 'in names they are not')
  t.same(await find({ text: 'rule-18' }), [])
  t.same(await find({ text: '가나다' }), [])
  t.same(await find({ text: '응답 한라산' }), [], 'the words are in one text')
  t.same(await find({ text: '"; DROP TABLE -- *' }), [])
  t.same(await find({ rule: '지연', text: '홈', severity: 'warn', since: '1', until: String(Date.now() + 1) }), [home])
  for (const text of ['%', '_ -', '"', '*'])
    t.equal((await ask(`/reports?text=${encodeURIComponent(text)}`)).statusCode, 400)
  for (const query of ['sort=name', `text=${'x'.repeat(201)}`, `label=${'x'.repeat(201)}`]) {
    t.equal((await ask(`/reports?${query}`)).statusCode, 400, query)
  }

  await ask('/schemas/qc-report', { method: 'PUT', payload: true })
  await ask('/reports/replay', { method: 'POST' })
  t.same(await find({ rule: '지연', state: 'quarantined' }), [])
  t.same(await find({ rule: '지연', state: 'stored' }), [misfit, login, home])
})

const RULES = ['지연', 'lint', 'size', 'a11y']
const TARGETS = ['홈', '로그인', '검색']
const SEVERITIES = ['info', 'warn', 'block']
const NOTES = ['야간 점검', '주간 점검', 'nightly build']

interface Made {
  rules: [string, string, string][]
  note: string | undefined
  label: string | undefined
  policy: string | undefined
}

/** The n-th of many reports; several of all kinds. */
function made(n: number): Made {
  const of = <T>(list: readonly T[], salt: number) => list[Math.floor(n / salt) % list.length] as T
  const rules: [string, string, string][] =
    n % 7 === 0
      ? []
      : [
          [of(RULES, 1), of(TARGETS, 3), of(SEVERITIES, 2)],
          [of(RULES, 5), of(TARGETS, 2), of(SEVERITIES, 11)],
        ]
  return {
    rules: rules[0]?.[0] === rules[1]?.[0] ? rules.slice(0, 1) : rules,
    note: n % 4 === 0 ? of(NOTES, 4) : undefined,
    label: n % 5 === 0 ? of(['block', 'pass'], 5) : undefined,
    policy: n % 3 === 0 ? of(['v1', 'v2'], 3) : undefined,
  }
}

const reportOf = ({ rules, note, label, policy }: Made, n: number) => ({
  ...(n % 13 === 0 ? { notes: 'no list' } : { notes: note === undefined ? [] : [note] }),
  status: { api: 'pass' },
  raw: { n },
  policy: {
    policy_version: policy,
    evaluations: rules.map(([rule, target, severity]) => evaluation(rule, target, severity, 'm')),
  },
  ...(label === undefined ? {} : { labels: { decision: label } }),
})
const severityOf = ({ rules }: Made) => Math.max(-1, ...rules.map(([, , severity]) => SEVERITIES.indexOf(severity)))

t.test('lists of thousands are exact for every filter, sort and page, also when many are deleted', async (t) => {
  const { ask, list, writer } = await searching(t)
  const COUNT = 2600
  const ids: string[] = []
  for (let from = 0; from < COUNT; from += 650) {
    const payload = Array.from({ length: 650 }, (_, at) => reportOf(made(from + at), from + at))
    const { items } = (await ask('/ingest/qc/batch', { method: 'POST', payload })).json<{ items: { id: string }[] }>()
    ids.push(...items.map(({ id }) => id))
  }
  // Some come back that are older than all of them: the order of arrival is not the order of times.
  const old = Date.now() - 86_400_000
  const held = new Set<number>()
  const grace = { reason: 'from an archive', by: 'me', at: Date.now() }
  for (let n = COUNT; n < COUNT + 30; n++) {
    const restored = { id: `report-${old + n}-00000${n}`, createdAt: old + n, ...(n % 4 === 0 ? { hold: grace } : {}) }
    if (n % 4 === 0) held.add(n)
    await writer.ingest([{ tenantId: DEFAULT_TENANT, text: JSON.stringify(reportOf(made(n), n)), restored }])
    ids.push(restored.id)
  }
  const isThere = ids.map(() => true)
  const hold = async (n: number, reason: string) => {
    const answer = await ask(`/reports/${ids[n]}/hold`, { method: 'PUT', payload: { reason } })
    t.equal(answer.statusCode, 200)
    held.add(n)
  }
  for (let n = 5; n < ids.length; n += 37) await hold(n, 'once')
  for (let n = 5; n < ids.length; n += 370) await hold(n, 'again')
  const timeOf = (n: number) => Number((ids[n] as string).split('-')[1])

  const of: Record<string, (one: Made, value: string, n: number) => boolean> = {
    rule: ({ rules }, value) => rules.some(([rule]) => rule === value),
    target: ({ rules }, value) => rules.some(([, target]) => target === value),
    severity: (one, value) => (SEVERITIES[severityOf(one)] ?? 'none') === value,
    held: (_one, value, n) => held.has(n) === (value === 'true'),
    policy_version: ({ policy }, value) => policy === value,
    label: ({ label }, value) => label !== undefined && (value === 'decision' || value === `decision:${label}`),
    state: (_one, value, n) => (n % 13 === 0) === (value === 'quarantined'),
    text: ({ note, rules }, value, n) =>
      (n % 13 !== 0 && note?.includes(value) === true) ||
      rules.some(([rule, target]) => rule.includes(value) || target.includes(value)),
    since: (_one, value, n) => timeOf(n) >= Number(value),
    until: (_one, value, n) => timeOf(n) <= Number(value),
  }
  function expected(query: Record<string, string>): number[] {
    const { sort = '-createdAt', ...filter } = query
    const found = ids.flatMap((_, n) => {
      const one = made(n)
      const fits = Object.entries(filter).every(([name, value]) => (of[name] as (typeof of)[string])(one, value, n))
      const pair = filter.rule === undefined || filter.target === undefined
      const together = pair || one.rules.some(([rule, target]) => rule === filter.rule && target === filter.target)
      return isThere[n] === true && fits && together ? [n] : []
    })
    const byTime = (a: number, b: number) => timeOf(a) - timeOf(b) || a - b
    return found.sort((a, b) => {
      if (sort === 'createdAt') return byTime(a, b)
      const rank = severityOf(made(a)) - severityOf(made(b))
      if (sort === 'severity') return rank || byTime(b, a)
      return sort === '-severity' ? -rank || byTime(b, a) : byTime(b, a)
    })
  }
  const middle = String(timeOf(1300))
  const queries: Record<string, string>[] = [
    {},
    { rule: '지연' },
    { rule: 'lint', target: '홈' },
    { target: '검색', severity: 'block' },
    { label: 'decision' },
    { label: 'decision:pass', rule: 'size' },
    { text: '점검' },
    { text: '간', state: 'stored' },
    { text: 'nightly', label: 'decision:block', since: middle },
    { severity: 'warn', policy_version: 'v1' },
    { policy_version: 'v2' },
    { state: 'stored' },
    { state: 'quarantined', severity: 'info' },
    { since: middle },
    { until: middle, rule: 'a11y' },
    { since: String(old), until: String(old + COUNT + 10) },
    { rule: 'nothing' },
    { severity: 'none' },
    { severity: 'none', since: middle },
    { severity: 'none', state: 'quarantined' },
    { severity: 'none', policy_version: 'v1', label: 'decision' },
    { held: 'true' },
    { held: 'false' },
    { held: 'true', severity: 'warn' },
    { held: 'false', severity: 'none' },
    { held: 'true', state: 'stored', since: middle },
    { held: 'false', state: 'quarantined' },
    { held: 'false', rule: '지연', policy_version: 'v1' },
    { held: 'true', text: '점검' },
    { held: 'false', text: '점검', until: middle },
  ]
  async function check(step: string): Promise<void> {
    for (const query of queries) {
      for (const sort of ['-createdAt', 'createdAt', 'severity', '-severity']) {
        const wanted = expected({ ...query, sort }).map((n) => ids[n])
        const asked = { ...query, sort }
        const label = `${step} ${JSON.stringify(asked)}`
        const first = await list({ ...asked, limit: '50' })
        const page = Math.max(1, Math.floor(wanted.length / 100))
        const later = await list({ ...asked, limit: '50', page: String(page) })
        const next = first.pagination.nextCursor
        const second = next === undefined ? undefined : await list({ ...asked, limit: '50', cursor: next })
        const idsOf = (found: List | undefined) => found?.reports.map(({ id }) => id) ?? []
        const got = [first.pagination.totalCount, idsOf(first), idsOf(later), idsOf(second)]
        const want = [
          wanted.length,
          wanted.slice(0, 50),
          wanted.slice((page - 1) * 50, page * 50),
          wanted.slice(50, 100),
        ]
        if (JSON.stringify(got) !== JSON.stringify(want)) t.same(got, want, label)
      }
    }
    t.pass(step)
  }
  await check('after ingest')
  for (let n = 5; n < ids.length; n += 74) {
    t.equal((await ask(`/reports/${ids[n]}/hold`, { method: 'DELETE' })).statusCode, 204)
    held.delete(n)
  }
  await check('after holds ended')
  for (let n = 0; n < ids.length; n += 41) {
    if (held.has(n)) continue
    t.equal((await ask(`/reports/${ids[n]}`, { method: 'DELETE' })).statusCode, 204)
    isThere[n] = false
  }
  await check('after deletions')
})

t.test('what nobody says any more is not kept', async (t) => {
  const { ask, ingest, find, sql } = await searching(t)
  const kept = await ingest(saying(evaluation('stays', 'here', 'warn', 'something')))
  const gone = await ingest({ ...saying(evaluation('goes', 'away', 'warn', '비밀 이야기')), notes: ['only once'] })
  t.same(await find({ text: '비밀' }), [gone])
  await ask(`/reports/${gone}`, { method: 'DELETE' })
  t.same(await find({ text: '비밀' }), [])
  const words = JSON.stringify(await sql(`SELECT * FROM ${ON_POSTGRES ? 'search_texts' : 'search_terms'}`))
  t.notMatch(words, '비밀')
  t.notMatch(words, 'only once')
  t.match(words, 'something')
  t.same(await find({ rule: 'stays' }), [kept])
})

t.test('a report is found by its first 500 evaluations and notes', async (t) => {
  const { ingest, find } = await searching(t)
  const many = (count: number) => Array.from({ length: count }, (_, n) => evaluation(`rule ${n}`, '', 'info', ''))
  const id = await ingest({
    ...saying(...many(501)),
    notes: Array.from({ length: 501 }, (_, n) => `글 ${'가'.repeat(n + 1)}`),
  })
  t.same(await find({ rule: 'rule 499' }), [id])
  t.same(await find({ rule: 'rule 500' }), [])
  t.same(await find({ text: '가'.repeat(200) }), [id])
})

t.test('words that are in too many texts are refused', async (t) => {
  const { ask } = await searching(t)
  const letters = (n: number) => [...String(n)].map((digit) => String.fromCodePoint(97 + Number(digit))).join('')
  const payload = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => ({ status: { api: 'pass' }, notes: [`같은 ${letters(from + n)}`] }))
  await ask('/ingest/qc/batch', { method: 'POST', payload: payload(0, 1000) })
  const text = encodeURIComponent('같은')
  t.match((await ask(`/reports?text=${text}`)).json(), { pagination: { totalCount: 1000 } })
  await ask('/ingest/qc/batch', { method: 'POST', payload: payload(1000, 1) })
  const answer = await ask(`/reports?text=${text}`)
  t.match([answer.statusCode, answer.json()], [400, { errors: [{ in: 'querystring', field: 'text' }] }])
  t.equal((await ask(`/reports?text=${text}%20abc`)).statusCode, 200)
})

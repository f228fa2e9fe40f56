import t from 'tap'
import { collector, TEAM_A } from '../test/collector.ts'

const evaluation = (rule: string, verdict: string, message = 'm') => ({
  rule_id: rule,
  target: '홈',
  verdict,
  severity: verdict === 'pass' ? 'info' : verdict,
  message,
})
const report = (status: object, version: string | undefined, evaluations: object[], summary: object[]) => ({
  status,
  policy: { policy_version: version, evaluations },
  diff: { summary },
})

t.test('a difference says what is new, resolved, better or worse', async (t) => {
  const { ask, ingest } = await collector(t)
  const from = await ingest(
    report(
      { api: 'pass', jwks: 'fail', ics: 'warn', old: 'na' },
      'v1',
      [
        evaluation('a', 'block'),
        evaluation('b', 'warn', 'p95 200 ms'),
        evaluation('c', 'warn'),
        evaluation('d', 'pass'),
        evaluation('e', 'pass'),
        evaluation('g', 'block'),
      ],
      [
        { id: 'x', trend: 'up', deltaPct: 1 },
        { id: 'y', trend: 'flat', deltaPct: 0 },
      ],
    ),
  )
  const to = await ingest(
    report(
      { api: 'fail', jwks: 'warn', ics: 'warn', fresh: 'pass' },
      'v2',
      [
        evaluation('b', 'warn', 'p95 900 ms'),
        evaluation('c', 'block'),
        evaluation('d', 'warn'),
        evaluation('e', 'pass'),
        evaluation('f', 'block'),
        evaluation('g', 'warn'),
      ],
      [
        { id: 'y', trend: 'flat', deltaPct: 0 },
        { id: 'x', trend: 'down', deltaPct: -2 },
        { id: 'z', trend: 'up', deltaPct: 3 },
      ],
    ),
  )
  const answer = await ask(`/reports/${from}/diff/${to}`)
  const diff = answer.json<{ findings: { rule: string; change: string; direction?: string }[] }>()
  t.match(diff, {
    from: { id: from, severity: 'block', policyVersion: 'v1' },
    to: { id: to, severity: 'block', policyVersion: 'v2' },
    severity: 'same',
    policyVersion: 'changed',
    status: [
      { name: 'api', from: 'pass', to: 'fail', change: 'worse' },
      { name: 'fresh', to: 'pass', change: 'added' },
      { name: 'ics', change: 'same' },
      { name: 'jwks', from: 'fail', to: 'warn', change: 'better' },
      { name: 'old', from: 'na', change: 'removed' },
    ],
    summary: [
      { id: 'x', from: { trend: 'up', deltaPct: 1 }, to: { trend: 'down', deltaPct: -2 }, change: 'changed' },
      { id: 'y', change: 'same' },
      { id: 'z', to: { trend: 'up' }, change: 'added' },
    ],
    counts: { new: 2, resolved: 1, still: 1, changed: 2, better: 1, worse: 1 },
  })
  const changes = diff.findings.map(({ rule, change, direction }) => [rule, change, direction ?? ''].join(' ').trim())
  t.same(changes.sort(), ['a resolved', 'b still', 'c changed worse', 'd new', 'f new', 'g changed better'])
  const again = await ask(`/reports/${from}/diff/${to}`, { headers: { 'if-none-match': String(answer.headers.etag) } })
  t.equal(again.statusCode, 304)
  const back = (await ask(`/reports/${to}/diff/${from}`)).json()
  t.match(back, { counts: { new: 1, resolved: 2, still: 1, changed: 2, better: 1, worse: 1 } })
  t.match((await ask(`/reports/${to}/diff/${to}`)).json(), { counts: { new: 0, resolved: 0, changed: 0, worse: 0 } })
})

t.test('nothing is compared with what is not there, is another tenant’s, or is no report that fits', async (t) => {
  const { ask, ingest } = await collector(t)
  const id = await ingest()
  const theirs = await ingest(undefined, TEAM_A)
  for (const other of [theirs, 'report-1-abcdefghi', 'x']) {
    t.equal((await ask(`/reports/${id}/diff/${other}`)).statusCode, 404, other)
    t.equal((await ask(`/reports/${other}/diff/${id}`)).statusCode, 404, other)
  }
  const odd = await ingest({
    status: { api: 1, jwks: 'pass' },
    diff: { summary: 'x' },
    policy: { evaluations: [null, 1] },
  })
  const diff = (await ask(`/reports/${id}/diff/${odd}`)).json()
  t.match(diff, {
    status: [
      { name: 'api', change: 'removed' },
      { name: 'jwks', change: 'added' },
    ],
    findings: [],
    summary: [],
  })
  t.notOk('policyVersion' in (diff as { to: object }).to)
  t.match(diff, { policyVersion: 'same', severity: 'same' })
})

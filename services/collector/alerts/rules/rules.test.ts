import { until } from '#shared/test/until.ts'
import { ConfigError } from '#shared/config.ts'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { TEAM_A } from '../../test/collector.ts'
import { alerting } from '../test/collector.ts'
import { readRulesFile } from './file.ts'
import { RULE_KINDS } from './schema.ts'

const EXAMPLE = path.join(import.meta.dirname, 'example.json')
const DOCS = path.join(import.meta.dirname, '../../../../docs/collector-alerts.md')
const MAIN = path.join(import.meta.dirname, '../../main.ts')

function fileOf(t: Test, content: unknown): string {
  const file = path.join(t.testdir({}), 'rules.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}
const faultsOf = (t: Test, content: unknown): string => {
  try {
    readRulesFile(fileOf(t, content))
    return ''
  } catch (error) {
    t.ok(error instanceof ConfigError)
    return (error as Error).message
  }
}

t.test('the example has a rule of every kind, and is the one of the documents', async (t) => {
  const rules = readRulesFile(EXAMPLE)
  t.same([...new Set(rules.map(({ rule }) => rule.kind))].sort(), [...RULE_KINDS].sort())
  t.match(rules[0], { tenantId: 'default', rule: { window: '1h', count: 10, percent: 50, for: '0s', labels: {} } })
  const [, block = ''] = /```json\n(\{\n {2}"rules"[^]*?)```/.exec(readFileSync(DOCS, 'utf8')) ?? []
  t.same(JSON.parse(block), JSON.parse(readFileSync(EXAMPLE, 'utf8')))
  t.same(readRulesFile(undefined), [])
})

t.test('each fault of a file has a line that names the member', async (t) => {
  t.match(faultsOf(t, 'nonsense'), /^ALERT_RULES_FILE: .*rules\.json: .*JSON/)
  t.match(faultsOf(t, {}), 'ALERT_RULES_FILE: rules is required')
  t.match(faultsOf(t, { rules: 1 }), 'ALERT_RULES_FILE: rules must be an array')
  const lines = faultsOf(t, {
    rules: [
      { kind: 'no_report', level: 'info', hours: 1 },
      { name: 'a', kind: 'nothing', level: 'info' },
      { name: 'b', kind: 'no_report', level: 'loud', hours: -1, extra: 1 },
      { name: 'c', kind: 'capacity', level: 'info' },
      { name: 'd', kind: 'latency', level: 'info', tenant: 'teamA' },
      { name: 'e', kind: 'block_findings', level: 'info', window: '90s', for: '1 hour' },
      { name: 'f', kind: 'database_lost', level: 'info', labels: { '1': 'x' } },
      { name: 'f', kind: 'database_lost', level: 'info' },
      { name: 'f', kind: 'no_report', hours: 1, level: 'info' },
    ],
  }).split('\n')
  t.match(lines, [
    'ALERT_RULES_FILE: rules[0].name: name is required',
    /^ALERT_RULES_FILE: rules\[1\]\.kind: kind must be one of \[block_findings, /,
    /rules\[2\]\.level: level must be one of \[info, warning, error, critical\]/,
    /rules\[2\]\.hours: hours must be a positive number/,
    /rules\[2\]\.extra: extra is not allowed/,
    /rules\[3\]: .*must contain at least one of \[diskFreePercent, queuePercent, storagePercent\]/,
    'ALERT_RULES_FILE: rules[4].kind: kind latency is for the tenant default only',
    /rules\[5\]\.for: for must be a time from 0s to 30d/,
    /rules\[6\]\.labels\.1: /,
    'ALERT_RULES_FILE: rules[8].name: there are two rules "f"',
  ])
  t.equal(lines.length, 10)
})

t.test('with a faulty file the collector does not start', (t) => {
  const file = fileOf(t, { rules: [{ name: 'a', kind: 'no_report', level: 'info' }] })
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'test',
    DATA_DIR: path.join(path.dirname(file), 'data'),
    COLLECTOR_PORT: '0',
    ALERT_RULES_FILE: file,
  }
  const { status, stderr } = spawnSync(process.execPath, [MAIN], { env, encoding: 'utf8' })
  t.equal(status, 78)
  t.match(stderr, /^collector: ALERT_RULES_FILE: rules\[0\]\.hours: hours is required$/m)
  t.end()
})

t.test('rules of the file are shown and changed only there; others are made, read, changed and deleted', async (t) => {
  const file = fileOf(t, { rules: [{ name: 'fixed', kind: 'no_report', level: 'info', hours: 1 }] })
  const it = await alerting(t, { ALERT_RULES_FILE: file })
  await it.rule('own', { kind: 'no_report', level: 'error', hours: 24 })
  const { rules } = await it.call<{ rules: object[] }>('GET', '/rules', 200)
  t.match(rules, [
    { name: 'fixed', source: 'file', hours: 1 },
    { name: 'own', source: 'api', hours: 24, for: '0s', keepFiringFor: '0s' },
  ])
  t.match(await it.call('GET', '/rules/fixed', 200), { source: 'file' })
  await it.call('PUT', '/rules/fixed', 409, { payload: { kind: 'no_report', level: 'info', hours: 1 } })
  await it.call('DELETE', '/rules/fixed', 409)
  await it.call('GET', '/rules/own', 404, { headers: TEAM_A })
  t.same((await it.call<{ rules: object[] }>('GET', '/rules', 200, { headers: TEAM_A })).rules, [])
  await it.call('DELETE', '/rules/own', 404, { headers: TEAM_A })
  await it.call('DELETE', '/rules/own', 204)
  await it.call('GET', '/rules/own', 404)
})

t.test('a change with an ETag that is not current is refused', async (t) => {
  const it = await alerting(t)
  const payload = { kind: 'no_report', level: 'info', hours: 1 }
  for (const [url, first, second] of [
    ['/alerts/rules/a', payload, { ...payload, hours: 2 }],
    [
      '/alerts/channels/a',
      { kind: 'pagerduty', routingKey: 'a' },
      { kind: 'pagerduty', routingKey: 'a', language: 'en' },
    ],
  ] as const) {
    const made = await it.ask(url, { method: 'PUT', payload: first })
    t.equal(made.statusCode, 201)
    const etag = made.headers.etag as string
    t.equal((await it.ask(url)).headers.etag, etag)
    const changed = await it.ask(url, { method: 'PUT', payload: second, headers: { 'if-match': etag } })
    t.equal(changed.statusCode, 200, changed.body)
    for (const method of ['PUT', 'DELETE'] as const) {
      const late = await it.ask(url, { method, payload: first, headers: { 'if-match': etag } })
      t.equal(late.statusCode, 412, method)
    }
    const headers = { 'if-match': changed.headers.etag as string }
    t.equal((await it.ask(url, { method: 'DELETE', headers })).statusCode, 204)
    t.equal((await it.ask(url, { method: 'PUT', payload: first, headers })).statusCode, 412, 'it is gone')
  }
})

t.test('a rule that is at fault is refused by its member, and what watches the system is for its tenant', async (t) => {
  const it = await alerting(t)
  const refused = async (payload: object, field: string, headers = {}) => {
    t.match(await it.call('PUT', '/rules/a', 400, { payload, headers }), { errors: [{ in: 'body', field }] }, field)
  }
  await refused({ kind: 'block_findings', level: 'info', count: 0 }, 'count')
  await refused({ kind: 'block_findings', level: 'info', window: '5w' }, 'window')
  await refused({ kind: 'no_report', level: 'info', hours: 1, surprise: true }, 'surprise')
  await refused({ kind: 'nothing', level: 'info' }, 'kind')
  await refused({ kind: 'latency', level: 'info' }, 'kind', TEAM_A)
  await refused({ kind: 'no_report', level: 'info', hours: 1, runbook: 'javascript:alert(1)' }, 'runbook')
  await it.call('PUT', '/rules/a%20b', 400, { payload: { kind: 'database_lost', level: 'info' } })
  await it.rule('a', { kind: 'latency', level: 'info' })
})

t.test('there are at most so many rules, channels and maintenance windows', async (t) => {
  const it = await alerting(t, { ALERT_RULES_MAX: '1', ALERT_CHANNELS_MAX: '1', ALERT_SILENCES_MAX: '1' })
  const rule = { kind: 'no_report', level: 'info', hours: 1 }
  await it.rule('a', rule)
  await it.call('PUT', '/rules/b', 409, { payload: rule })
  await it.call('PUT', '/rules/a', 200, { payload: rule })
  await it.rule('b', rule, TEAM_A)
  const channel = { kind: 'pagerduty', routingKey: 'a' }
  await it.channel('a', channel)
  await it.call('PUT', '/channels/b', 409, { payload: channel })
  const silence = { endsAt: Date.now() + 60_000, reason: 'x' }
  await it.call('POST', '/silences', 201, { payload: silence })
  await it.call('POST', '/silences', 409, { payload: silence })
})

t.test('a tenant has at most so many alerts at once, and what is left out is counted', async (t) => {
  const it = await alerting(t, { ALERTS_ACTIVE_MAX: '1' })
  for (const name of ['a', 'b']) await it.rule(name, { kind: 'no_report', level: 'info', hours: 0.000001 })
  await it.alert('firing')
  await until('one that is left out', async () =>
    /collector_alerts_left_out_total\{.*\} [1-9]/.test(await it.metrics.registry.metrics()),
  )
  t.equal((await it.alerts()).length, 1)
})

t.test('a maintenance window is made, changed, listed until it is over, and deleted', async (t) => {
  const it = await alerting(t)
  const now = Date.now()
  const refused = (payload: object, field: string) =>
    it.call('POST', '/silences', 400, { payload }).then((answer) => t.match(answer, { errors: [{ field }] }))
  await refused({ endsAt: now - 1, reason: 'x' }, 'endsAt')
  await refused({ startsAt: now + 9000, endsAt: now + 8000, reason: 'x' }, 'endsAt')
  await refused({ endsAt: now + 9000 }, 'reason')
  await refused({ endsAt: 'soon', reason: 'x' }, 'endsAt')
  const payload = { startsAt: '2030-01-01T00:00:00Z', endsAt: '2030-01-01T02:00:00+09:00', reason: 'x', level: 'info' }
  await refused(payload, 'endsAt')
  const made = await it.ask('/alerts/silences', {
    method: 'POST',
    payload: { ...payload, endsAt: '2030-01-01T12:00:00+09:00' },
  })
  t.equal(made.statusCode, 201, made.body)
  const silence = made.json<{ id: string }>()
  t.match(silence, {
    startsAt: 1_893_456_000_000,
    endsAt: 1_893_466_800_000,
    level: 'info',
    createdBy: 'default:admin',
  })
  const url = `/silences/${silence.id}`
  t.same(await it.call('GET', url, 200), silence)
  t.same((await it.call('GET', '/silences', 200)).silences, [silence])
  await it.call('GET', url, 404, { headers: TEAM_A })
  await it.call('PUT', url, 404, { headers: TEAM_A, payload: { endsAt: now + 60_000, reason: 'y' } })
  const headers = { 'if-match': made.headers.etag as string }
  const changed = await it.call('PUT', url, 200, { payload: { endsAt: now + 60_000, reason: 'y' }, headers })
  t.match(changed, { id: silence.id, reason: 'y' })
  t.equal('level' in changed, false)
  await it.call('PUT', url, 412, { payload: { endsAt: now + 60_000, reason: 'z' }, headers })
  await it.call('DELETE', url, 404, { headers: TEAM_A })
  await it.call('DELETE', url, 204)
  await it.call('DELETE', url, 404)
})

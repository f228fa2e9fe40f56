import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { until } from '../../shared/test/until.ts'
import { fromJunit } from './convert/junit.ts'
import { fromPolicyReport } from './convert/policy-report.ts'
import { fromSarif } from './convert/sarif.ts'
import { fileStorage } from './queue/file-storage.ts'
import type { Fetch } from './reporter.ts'
import { testReporter } from './test/reporter.ts'
import { ACCESS, realCollector } from './test/servers.ts'

const sample = (name: string) => readFileSync(path.join(import.meta.dirname, 'test/samples', name), 'utf8')

t.test('what is reported is what the collector has, letter for letter', async (t) => {
  const collector = await realCollector(t)
  const { reporter, sent } = testReporter(t, { url: collector.url })
  const notes = [
    '나침반'.normalize('NFC'),
    '나침반'.normalize('NFD'),
    '👩‍👩‍👧 🇰🇷',
    'please update the index; drop by',
    '\u2028"\\',
  ]
  const report = { status: { api: 'pass', own: 'fail' }, notes, raw: { deep: [1, null, { x: 1e21 }] } }
  await reporter.report(report)
  t.same(await reporter.flush(), { waiting: 0 })
  t.same(await collector.reports(), [report])
  t.match((sent[0] as { reportId: string }).reportId, /^report-\d+-[\da-z]{9}$/)
})

t.test('an answer that is lost on its way does not make two reports', async (t) => {
  const collector = await realCollector(t)
  let count = 0
  const lossy: Fetch = async (...args) => {
    const answer = await fetch(...args)
    if (++count % 2 === 0) return answer
    throw new TypeError('the network went away')
  }
  const { reporter, add, sent } = testReporter(t, { url: collector.url, fetch: lossy, batch: { maxReports: 1 } })
  await add(1, 2, 3)
  for (let round = 0; round < 10 && reporter.state().waiting > 0; round++) await reporter.flush()
  t.equal(sent.length, 3)
  t.equal(await collector.count(), 3)
})

t.test('reports of a time without a collector arrive when it is there, after a restart of the app', async (t) => {
  const dir = t.testdir({})
  const folder = path.join(dir, 'queue')
  const away = testReporter(t, { url: 'http://127.0.0.1:9', storage: fileStorage(folder) })
  await away.add(1, 2, 3)
  t.match(await away.reporter.flush(), { waiting: 3, trouble: { kind: 'unreachable' } })
  away.reporter.close()
  const collector = await realCollector(t, { DATA_DIR: path.join(dir, 'data') })
  const { reporter, sent } = testReporter(t, { url: collector.url, storage: fileStorage(folder), isAutomatic: true })
  await until('the three', () => sent.length === 3)
  t.equal(await collector.count(), 3)
  t.same(await fileStorage(folder).names(''), [])
  await until('the end of the round', () => reporter.state().trouble === undefined)
})

t.test('a wrong key is told, and the reports go with the right one', async (t) => {
  const collector = await realCollector(t)
  let key = 'wrong'
  const { reporter, add, troubles } = testReporter(t, { url: collector.url, tenant: ACCESS.tenant, key: () => key })
  await add(1)
  t.match(await reporter.flush(), { waiting: 1, trouble: { kind: 'refused', status: 403 } })
  t.match(troubles[0]?.message, 'X-Api-Key')
  key = ACCESS.key
  t.same(await reporter.flush(), { waiting: 0 })
  t.equal(await collector.count(), 1)
})

t.test('a report over the limit of the collector is rejected with its words, and the next one goes', async (t) => {
  const collector = await realCollector(t, { COLLECTOR_BODY_MAX_BYTES: '2048' })
  const { reporter, add, rejected } = testReporter(t, { url: collector.url })
  await reporter.report({ status: {}, text: 'x'.repeat(3000) })
  await add(2)
  t.same(await reporter.flush(), { waiting: 0 })
  t.match(rejected, [{ errors: [{ message: /\w/ }] }])
  t.equal(await collector.count(), 1)
})

t.test('everything that is converted is taken in, with the severity that it deserves', async (t) => {
  const collector = await realCollector(t)
  const { reporter, sent, rejected } = testReporter(t, { url: collector.url })
  const many = `<testsuite name="s">${'<testcase name="가나다" classname="c"><skipped message="m"/></testcase>'.repeat(2500)}</testsuite>`
  const converted = [
    ...['surefire', 'pytest', 'jest', 'playwright', 'gotestsum', 'eslint'].flatMap((name) =>
      fromJunit(sample(`${name}.xml`)),
    ),
    ...['eslint', 'codeql'].flatMap((name) => fromSarif(JSON.parse(sample(`${name}.sarif.json`)) as unknown)),
    ...fromPolicyReport(JSON.parse(sample('kyverno.policyreports.json')) as unknown),
    ...fromJunit(many),
  ]
  for (const report of converted) t.match(await reporter.report(report), { accepted: true })
  t.same(await reporter.flush(), { waiting: 0 })
  t.same([rejected, sent.filter(({ status }) => status !== 'stored')], [[], []], 'and none in quarantine')
  t.equal(await collector.count(), converted.length)
  const { reports } = await collector.get<{ reports: { severity?: string }[] }>('/reports?limit=100')
  t.equal(reports.filter(({ severity }) => severity === 'block').length, 9)
  t.equal(reports.filter(({ severity }) => severity === 'info').length, 3)
})

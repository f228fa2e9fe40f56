import t from 'tap'
import { until } from '../../shared/test/until.ts'
import { memoryStorage } from './queue/storage.ts'
import { createReporter, type ReporterOptions } from './reporter.ts'
import { handSignals } from './test/hand-signals.ts'
import { testReporter } from './test/reporter.ts'
import { localServer, singleCollector, stored, type Got } from './test/servers.ts'

const numberOf = ({ body }: Got) => (JSON.parse(body) as { n: number }).n
const singles = (got: Got[]) => got.filter(({ path }) => path === '/ingest/qc').map(numberOf)

/** Any rejection that nobody waits for ends up here. */
const unhandled: unknown[] = []
process.on('unhandledRejection', (reason) => unhandled.push(reason))

t.test('by itself it sends what is reported, and what an earlier run has left', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const storage = memoryStorage()
  const before = testReporter(t, { url, storage })
  await before.add(1)
  before.reporter.close()
  const { add } = testReporter(t, { url, storage, isAutomatic: true })
  await until('what was left', () => got.length === 1)
  await add(2)
  await until('the new one', () => singles(got).length === 2)
  t.same(singles(got), [1, 2])
})

t.test('by itself it tries again until the service is back', async (t) => {
  const { url } = await localServer(t, (_, count) => (count < 4 ? { status: 503 } : stored()))
  const { reporter, add, sent, troubles } = testReporter(t, { url, isAutomatic: true })
  await add(1)
  await until('the report', () => sent.length === 1)
  t.equal(troubles.length, 3)
  await until('rest', () => reporter.state().trouble === undefined)
  t.same(reporter.state(), { waiting: 0, waitingBytes: 0, sent: 1, rejected: 0, dropped: 0 })
})

t.test('what a service asks to wait is waited, by flush and by itself', async (t) => {
  const { url, got } = await localServer(t, () => ({ status: 429, headers: { 'retry-after': '3600' } }))
  const hand = handSignals()
  const { reporter, add } = testReporter(t, { url, isAutomatic: true, signals: hand.signals })
  await add(1)
  const { retryInMs, trouble } = await reporter.flush()
  t.equal(trouble?.retryAfter, 3_600_000)
  t.ok((retryInMs as number) > 3_500_000)
  t.match(await reporter.flush(), { waiting: 1, trouble: { kind: 'busy' } })
  hand.online()
  hand.hide()
  await add(2)
  await new Promise((resolve) => setTimeout(resolve, 60))
  t.equal(got.length, 1)
})

t.test('what cannot be sent is answered, not thrown', async (t) => {
  const { reporter } = testReporter(t, { url: 'http://127.0.0.1:9', limits: { maxBytes: 1000 } })
  const circular: Record<string, unknown> = { status: {} }
  circular.self = circular
  const report = (value: unknown) => reporter.report(value as { status: object } as never)
  for (const value of [
    undefined,
    null,
    7,
    'x',
    [],
    {},
    { status: null },
    { status: [] },
    circular,
    { status: {}, n: 1n },
  ]) {
    t.match(await report(value), { accepted: false, reason: 'invalid', message: /\w/ })
  }
  t.match(await report({ status: {}, text: 'x'.repeat(1000) }), { accepted: false, reason: 'too-large' })
  reporter.close()
  t.match(await report({ status: {} }), { accepted: false, reason: 'closed' })
  t.match(await reporter.flush(), { trouble: { kind: 'aborted' } })
})

t.test('a report is what it was when it was reported, in Unicode that the collector takes', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const { reporter } = testReporter(t, { url })
  const notes = ['한글'.normalize('NFC'), '한글'.normalize('NFD'), '👩‍👩‍👧🇰🇷', `cut ${'😀'[0]}`, `${'😀'[1]} cut`, '\u2028']
  const report = { status: { api: 'pass' }, notes: [...notes] }
  const reporting = reporter.report(report)
  report.notes.push('too late')
  await reporting
  await reporter.flush()
  const sent = JSON.parse(got[0]?.body as string) as { notes: string[] }
  t.same(sent.notes, [...notes.slice(0, 3), 'cut \ufffd', '\ufffd cut', '\u2028'])
})

t.test('the key is asked for each time and is never in the storage', async (t) => {
  const { url, got } = await localServer(t, (_, count) => (count === 1 ? { status: 503 } : stored()))
  const storage = memoryStorage()
  let asked = 0
  const { reporter, add, troubles } = testReporter(t, {
    url,
    storage,
    tenant: 'tenant-name',
    key: async () => `top-secret-${++asked}`,
  })
  await add(1)
  await reporter.flush()
  for (const name of await storage.names('')) t.notMatch(name + (await storage.get(name)), /secret|tenant-name/)
  await reporter.flush()
  t.same(
    got.map(({ headers }) => headers['x-api-key']),
    ['top-secret-1', 'top-secret-2'],
  )
  t.notMatch(JSON.stringify(troubles), /secret/)
})

t.test('without a key that can be used nothing is sent, and the report stays', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  let key = ''
  const { reporter, add } = testReporter(t, { url, key: () => key })
  await add(1)
  t.match(await reporter.flush(), { waiting: 1, trouble: { kind: 'refused', message: 'there is no key' } })
  key = 'collector-key'
  t.same(await reporter.flush(), { waiting: 0 })
  t.equal(got.length, 1)
})

t.test('listeners that throw or reject change nothing', async (t) => {
  const { url } = await localServer(t, (one, count) => {
    if (count === 1) return { status: 503 }
    return one.path === '/ingest/qc' && numberOf(one) === 2 ? { status: 400 } : singleCollector()(one, count)
  })
  const fail = () => {
    throw new Error('listener')
  }
  const { reporter, add } = testReporter(t, {
    url,
    limits: { maxReports: 2 },
    onSent: fail,
    onTrouble: async () => fail(),
    onRejected: async () => fail(),
    onDropped: fail,
  })
  await add(0, 1, 2)
  await reporter.flush()
  t.same(await reporter.flush(), { waiting: 0 })
  t.match(reporter.state(), { sent: 1, rejected: 1, dropped: 1 })
})

t.test('an address that is none, or has credentials or a query, is refused at once', async (t) => {
  for (const url of ['', 'reports.example.org', 'ftp://a', 'https://', 'https://a b', 'http://a?x', 'http://a#x']) {
    t.throws(() => createReporter({ url, key: 'njm_1' }), /url must/, url)
  }
  t.throws(() => createReporter({ url: 'https://user:pass@a', key: 'njm_1' }), /must not have credentials/)
  createReporter({ url: 'https://a.example/api/collector/', key: 'njm_1' }).close()
})

t.test('a number that it cannot go by is refused at once, with the name of its option', async (t) => {
  const refused = (options: Partial<ReporterOptions>, message: string) =>
    t.throws(() => createReporter({ url: 'https://a.example', key: 'njm_1', ...options }).close(), { message })
  for (const value of [0, -1, NaN, '5' as unknown as number]) {
    refused({ batch: { maxReports: value } }, 'batch.maxReports must be a number of at least 1')
    refused({ batch: { maxBytes: value } }, 'batch.maxBytes must be a number of at least 1')
    refused({ limits: { maxReports: value } }, 'limits.maxReports must be a number of at least 1')
    refused({ limits: { maxBytes: value } }, 'limits.maxBytes must be a number of at least 1')
  }
  for (const value of [0, -1, NaN, Infinity, 2 ** 31]) {
    refused({ backoff: { baseMs: value } }, 'backoff.baseMs must be a number from 1 to 2147483647')
    refused({ backoff: { maxMs: value } }, 'backoff.maxMs must be a number from 1 to 2147483647')
    refused({ timeoutMs: value }, 'timeoutMs must be a number from 1 to 2147483647')
  }
  const most = { limits: { maxReports: Infinity }, batch: { maxBytes: Infinity }, timeoutMs: 2 ** 31 - 1 }
  createReporter({ url: 'https://a.example', key: 'njm_1', ...most }).close()
})

t.test('in all of this no promise was rejected unnoticed', async (t) => {
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.same(unhandled, [])
})

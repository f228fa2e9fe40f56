import t, { type Test } from 'tap'
import type { ProcessName } from '#shared/ports.ts'
import { LIMITS } from './limits.ts'
import { lookAt, lookAtHost, median, systemChecks } from './look.ts'
import type { Check, TargetRun } from './run.ts'
import { cut, deadOrigin, details, fakeProcess, hang, listen, mainHealth, type Overrides } from './test/fake-process.ts'
import { problemText, TEXTS } from './texts.ts'

const look = async (t: Test, name: ProcessName, overrides?: Overrides) =>
  lookAt(await fakeProcess(t, name, overrides), LIMITS)

const failed = ({ checks }: Pick<TargetRun, 'checks'>) => checks.filter((check) => !check.ok)
const names = (run: TargetRun) => failed(run).map(({ name }) => name)
const said = (checks: readonly Check[]) =>
  checks.map(({ problem }) => (problem === undefined ? '' : problemText(TEXTS.en, problem)))

t.test('a process that says what its contract asks for is healthy, and its figures are taken', async (t) => {
  for (const name of ['gateway', 'calendar', 'diary', 'collector', 'identity'] as const) {
    const run = await look(t, name)
    t.same(failed(run), [], name)
    t.equal(run.state, 'healthy')
    t.match(run.facts, { version: '0.1.0', uptime_s: 12.5, loop_p99_ms: 22, rss_bytes: 90e6, ready: true, pid: 7 })
    t.equal(run.health_ms.length, 12)
    t.ok((run.health_p50_ms ?? 0) > 0)
  }
})

t.test('a dead process is down, and each probe says that it was refused', async (t) => {
  const [url, admin] = [await deadOrigin(), await deadOrigin()]
  const run = await lookAt({ name: 'diary', url, admin, contract: 'diary', critical: true, load: false }, LIMITS)
  t.equal(run.state, 'down')
  t.same(names(run), ['live', 'ready', 'health', 'details', 'metrics'])
  t.same([...new Set(said(failed(run)))], ['the connection was refused'])
  t.equal(run.health_p50_ms, null)
})

t.test('a process that accepts and says nothing is down by name, and costs one time limit', async (t) => {
  const mute = { '/health': hang, '/health/live': hang, '/health/ready': hang, '/metrics': hang }
  const run = await look(t, 'calendar', { main: mute, admin: mute })
  t.equal(run.state, 'down')
  t.same(names(run), ['live', 'ready', 'health', 'details', 'metrics'])
  t.match(said(failed(run))[0], 'no whole answer within 2000 ms')
})

t.test('an answer whose body never ends is a timeout too', async (t) => {
  const run = await look(t, 'calendar', {
    main: {
      '/health': (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.write('{"status":')
      },
    },
  })
  t.same(names(run), ['health'])
  t.match(failed(run)[0]?.problem, { code: 'timeout' })
})

t.test('a process that answers slowly is asked less often', async (t) => {
  const run = await look(t, 'diary', {
    main: {
      '/health': (_request, response) => void setTimeout(() => response.end(JSON.stringify(mainHealth('diary'))), 400),
    },
  })
  t.equal(run.state, 'healthy')
  t.ok(run.health_ms.length >= 1 && run.health_ms.length <= 4, `${run.health_ms.length}`)
})

t.test('a 503 is a failure although its JSON says healthy', async (t) => {
  const run = await look(t, 'calendar', { main: { '/health': { status: 503, body: mainHealth('calendar') } } })
  t.equal(run.state, 'down')
  t.match(said(failed(run)), ['answered HTTP 503 instead of 200'])
})

t.test('a process that says healthy while its readiness fails is down, with the reason', async (t) => {
  const run = await look(t, 'diary', {
    admin: { '/health/ready': { status: 503, body: { status: 'not-ready', reason: 'the database is not usable' } } },
  })
  t.equal(run.state, 'down')
  t.equal(run.facts.ready, false)
  t.same(said(failed(run)), ['answered HTTP 503 instead of 200: the database is not usable'])
})

t.test('a redirect is not followed and is not health', async (t) => {
  const run = await look(t, 'diary', {
    main: { '/health': (_request, response) => void response.writeHead(302, { location: '/elsewhere' }).end() },
  })
  t.equal(run.state, 'down')
  t.match(failed(run)[0]?.problem, { code: 'http-status', values: { got: 302 } })
})

t.test('a missing, mistyped or wrong field fails by its name', async (t) => {
  const { uptime: _uptime, ...rest } = mainHealth('calendar')
  const body = { ...rest, database: 'disconnected', service: 7, timestamp: 'yesterday' }
  const run = await look(t, 'calendar', { main: { '/health': { body } } })
  t.equal(run.state, 'degraded')
  t.same(names(run), ['health service', 'health timestamp', 'health database', 'health uptime'])
  t.same(said(failed(run)), [
    'the field "service" should be string, but is number',
    'the field "timestamp" should be ISO 8601, but is yesterday',
    'the field "database" is "disconnected", expected "connected"',
    'the field "uptime" is missing',
  ])
})

t.test('a timestamp of an hour ago comes from a cache and fails', async (t) => {
  const timestamp = new Date(Date.now() - 3_600_000).toISOString()
  const run = await look(t, 'diary', { main: { '/health': { body: { ...mainHealth('diary'), timestamp } } } })
  t.same(names(run), ['health timestamp'])
})

t.test('a field that an object inherits is missing all the same', async (t) => {
  const run = await look(t, 'calendar', { admin: { '/health': { body: { ...details('calendar'), process: 'x' } } } })
  t.ok(names(run).includes('details process.pid'))
  t.match(said(failed(run))[0], 'is missing')
})

t.test('the gateway is degraded by name while an upstream is down', async (t) => {
  const body = { ...mainHealth('gateway'), status: 'degraded', upstreams: { diary: { status: 'down' } } }
  const run = await look(t, 'gateway', { main: { '/health': { body } } })
  t.equal(run.state, 'degraded')
  t.same(names(run), ['health status', 'health upstreams.diary.status'])
})

t.test('an answer that is no JSON, is cut, too large or no metrics fails as that', async (t) => {
  const large = 'x'.repeat(5 * 1024 * 1024)
  const run = await look(t, 'diary', {
    main: { '/health': { body: '<html>' } },
    admin: { '/health': cut, '/metrics': { body: 'this is no metric\n' } },
  })
  t.equal(run.state, 'degraded')
  t.same(
    failed(run).map(({ name, problem }) => [name, problem?.code]),
    [
      ['health JSON', 'not-json'],
      ['details', 'reset'],
      ['metrics', 'not-metrics'],
    ],
  )
  const other = await look(t, 'diary', { admin: { '/metrics': { body: large }, '/health/live': { body: {} } } })
  t.same(
    failed(other).map(({ name, problem }) => [name, problem?.code]),
    [
      ['live status', 'field-missing'],
      ['metrics', 'too-large'],
    ],
  )
})

t.test('figures over their limits degrade and tell the figures', async (t) => {
  const body = details('calendar')
  body.process.event_loop_delay_ms.p99 = 250
  body.uptime = 61
  body.process.rss_bytes = 1024 ** 3
  body.storage = { ...body.storage, wal_bytes: 2 * 1024 ** 3, disk_free_bytes: 1e6 }
  const main = { '/health': { body: { ...mainHealth('calendar'), uptime: 61 } } }
  const run = await look(t, 'calendar', { main, admin: { '/health': { body } } })
  t.equal(run.state, 'degraded')
  t.same(names(run), ['loop_p99_ms', 'rss_bytes', 'wal_bytes', 'disk_free_bytes', 'disk_free_percent'])
  t.match(said(failed(run)), ['250 ms is over the limit of 100 ms', '1.0 GB is over the limit of 512 MB'])
})

t.test('a collector on a server has no file, and is healthy nevertheless', async (t) => {
  const { storage, ...body } = details('collector')
  const run = await look(t, 'collector', { admin: { '/health': { body } } })
  t.same(failed(run), [])
  t.equal(run.state, 'healthy')
  const { wal_bytes: _, ...broken } = storage
  const admin = { '/health': { body: { ...body, storage: broken } } }
  t.same(names(await look(t, 'collector', { admin })), ['details storage.wal_bytes'])
})

t.test('the stall of loading the code is not held against a process that has just started', async (t) => {
  const body = details('calendar')
  body.process.event_loop_delay_ms.p99 = 250
  t.equal((await look(t, 'calendar', { admin: { '/health': { body } } })).state, 'healthy')
})

t.test('a target of any kind is only asked for /health', async (t) => {
  const asked: string[] = []
  const url = await listen(t, (request, response) => {
    asked.push(request.url ?? '')
    response.end('fine')
  })
  const target = { name: 'wiki', url, admin: url, contract: 'any', critical: false, load: false } as const
  t.equal((await lookAt(target, LIMITS)).state, 'healthy')
  t.same([...new Set(asked)], ['/health'])
})

t.test('processes of different versions and a full disk are told', async (t) => {
  const [one, two] = [await look(t, 'calendar'), await look(t, 'diary')]
  const host = await lookAtHost(t.testdir({}))
  t.ok((host.disk_free_bytes ?? 0) > 0, 'the disk of the folder is measured')
  t.same(
    systemChecks([one, two], host, LIMITS).filter((check) => !check.ok && check.name === 'version'),
    [],
  )
  two.facts.version = '0.2.0'
  const found = systemChecks([one, two], { ...host, disk_free_bytes: 10, disk_total_bytes: 1000 }, LIMITS)
  t.same(
    found.filter((check) => !check.ok).map(({ name }) => name),
    ['disk_free_bytes', 'disk_free_percent', 'version'],
  )
  t.match(said(found).join(), 'calendar 0.1.0, diary 0.2.0')
})

t.test('a data folder that does not exist has no disk figures', async (t) => {
  const host = await lookAtHost('/nowhere/at/all')
  t.equal(host.disk_free_bytes, null)
  t.same(systemChecks([], host, LIMITS), [])
})

t.test('the median is the middle, between two of an even number, and null of none', async (t) => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 2, 3]), 2.5)
  t.equal(median([]), null)
})

import t, { type Test } from 'tap'
import { testService } from '#shared/test/service.ts'
import { collectorProcess, openEngine, serveCollector } from '../app.ts'
import type { Engine, Stores } from '../engine/engine.ts'
import { collector, DEFAULT_KEY, judged, TEAM_A } from '../test/collector.ts'
import { freshDatabase, ON_POSTGRES } from '../test/postgres.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Every answer that is polled and has a version. */
const urlsOf = (id: string, fingerprint: string) => [
  '/reports',
  '/reports?severity=warn&text=x&limit=5',
  `/reports/${id}`,
  `/reports/${id}/diff/${id}`,
  '/timeline',
  '/timeline?window_h=2&bucket=5m',
  '/timeline?by=rule',
  '/timeline?rule=r',
  '/findings',
  `/findings/${fingerprint}`,
  '/schemas',
  '/schemas/qc-report',
  '/stats',
]

/** The stores, which note what is asked of them; but that of alerts, which no such answer is of, and which a clock asks, too. */
function noting(stores: Stores, asked: string[]): Stores {
  const methods = <S extends object>(store: S, name: string): S =>
    new Proxy(store, {
      get(target, method) {
        const value = Reflect.get(target, method) as unknown
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          asked.push(`${name}.${String(method)}`)
          return (value as (...given: unknown[]) => unknown).apply(target, args)
        }
      },
    })
  return Object.fromEntries(
    Object.entries(stores).map(([name, store]) => [name, name === 'alerts' ? store : methods(store as object, name)]),
  ) as never
}

async function counted(t: Test) {
  const asked: string[] = []
  const service = await testService(
    t,
    {
      ...collectorProcess,
      async build(config, deps) {
        const engine: Engine = await openEngine(config, deps)
        return serveCollector(config, deps, { ...engine, stores: noting(engine.stores, asked) })
      },
    },
    {
      API_KEYS: 'default:collector-key,teamA:teamA-key',
      ...(ON_POSTGRES ? { COLLECTOR_DATABASE_URL: await freshDatabase(t) } : {}),
    },
  )
  const ask = (
    url: string,
    headers: Record<string, string> = {},
    method: 'GET' | 'HEAD' | 'POST' = 'GET',
    payload?: object,
  ) =>
    service.app.inject({
      url,
      method,
      headers: { ...DEFAULT_KEY, ...headers },
      ...(payload === undefined ? {} : { payload }),
    })
  return { ...service, ask, asked }
}

t.test('a 304 reads nothing, and neither does what is in memory', async (t) => {
  // Some answers are good until the minute, or the hour, is over: it does not end here.
  const now = Date.now()
  t.intercept(Date, 'now', { value: () => now })
  const { ask, asked } = await counted(t)
  const { id } = (await ask('/ingest/qc', {}, 'POST', judged('warn'))).json<{ id: string }>()
  const { findings } = (await ask('/findings')).json<{ findings: { fingerprint: string }[] }>()
  for (const url of urlsOf(id, findings[0]?.fingerprint as string)) {
    const first = await ask(url)
    t.equal(first.statusCode, 200, url)
    const etag = String(first.headers.etag)
    t.match(etag, /^"[\w.]+"$/, url)
    // What is asked for the second time is kept.
    await ask(url)
    asked.length = 0
    const known = await ask(url, { 'if-none-match': `"other", ${etag}` })
    t.match([known.statusCode, known.body, known.headers.etag], [304, '', etag], url)
    const again = await ask(url)
    t.match([again.statusCode, again.body, again.headers.etag], [200, first.body, etag], url)
    const head = await ask(url, {}, 'HEAD')
    t.match([head.statusCode, head.body, head.headers.etag], [200, '', etag], `HEAD ${url}`)
    t.equal((await ask(url, { 'if-none-match': etag }, 'HEAD')).statusCode, 304, `HEAD ${url}`)
    t.same(asked, [], url)
    const theirs = await ask(url, { ...TEAM_A, 'if-none-match': etag })
    t.not(theirs.statusCode, 304, `the tag of one tenant is none of another: ${url}`)
    t.equal((await ask(url, { 'if-none-match': '*' })).statusCode, first.statusCode === 200 ? 304 : 404, `* ${url}`)
  }
  t.equal((await ask('/reports/none', { 'if-none-match': '*' })).statusCode, 404, 'of nothing there is no version')
})

t.test('what depends on the time has another tag when its time is over', async (t) => {
  let now = Math.floor(Date.now() / HOUR_MS) * HOUR_MS
  t.intercept(Date, 'now', { value: () => now })
  const { ask } = await collector(t)
  const tagsOf = async (urls: readonly string[]) =>
    Object.fromEntries(
      await Promise.all(urls.map(async (url) => [url, String((await ask(url)).headers.etag)] as const)),
    )
  const groups = [
    [['/stats', '/findings'], MINUTE_MS],
    [['/timeline?window_h=2&bucket=5m'], 5 * MINUTE_MS],
    [['/timeline'], HOUR_MS],
  ] as const
  for (const [urls, lasts] of groups) {
    const begun = now
    const first = await tagsOf(urls)
    now = begun + lasts - 1
    t.same(await tagsOf(urls), first, 'to its last moment')
    now = begun + lasts
    const next = await tagsOf(urls)
    for (const url of urls) t.not(next[url], first[url], url)
    now = begun + HOUR_MS
  }
})

t.test('after an answer to a write nobody is told that nothing has changed', async (t) => {
  const { ask, ingest } = await collector(t)
  const total = async (etag: string) => {
    const answer = await ask('/reports?limit=1', { headers: { 'if-none-match': etag } })
    return { status: answer.statusCode, etag: String(answer.headers.etag), body: answer.body }
  }
  let stored = 0
  const writer = async (name: string) => {
    for (let n = 0; n < 25; n++) {
      const { headers } = await ask('/reports?limit=1')
      const id = await ingest({ ...judged('warn'), raw: `${name} ${n}` })
      stored++
      const least = stored
      const answer = await total(String(headers.etag))
      t.equal(answer.status, 200, 'the tag from before the write is old')
      const { pagination } = JSON.parse(answer.body) as { pagination: { totalCount: number } }
      t.ok(pagination.totalCount >= least, 'and the list has everything that was answered')
      t.equal((await ask(`/reports/${id}`)).statusCode, 200)
    }
  }
  await Promise.all(['a', 'b', 'c', 'd'].map(writer))
  t.match((await ask('/reports?limit=1')).json(), { pagination: { totalCount: 100 } })
})

t.test('everything that changes what is shown makes another tag, for its tenant alone', async (t) => {
  const { ask, ingest, writer } = await collector(t)
  const misfit = await ingest({ ...judged('warn'), notes: 'no list' })
  const id = await ingest(judged('warn'))
  await ingest(judged('warn'), TEAM_A)
  const { findings } = (await ask('/findings')).json<{ findings: { fingerprint: string }[] }>()
  const mute = `/findings/${findings[0]?.fingerprint}/mute`
  const tagOf = async (headers: Record<string, string> = {}) =>
    String((await ask('/reports', { headers })).headers.etag)
  const theirs = await tagOf(TEAM_A)
  const changes: [string, () => Promise<unknown>][] = [
    ['a mute', () => ask(mute, { method: 'PUT', payload: { reason: 'x', until: Date.now() + 100_000 } })],
    ['the end of a mute', () => ask(mute, { method: 'DELETE' })],
    ['a schema', () => ask('/schemas/qc-report', { method: 'PUT', payload: true })],
    ['a replay', () => ask('/reports/replay', { method: 'POST' })],
    ['a deletion', () => ask(`/reports/${id}`, { method: 'DELETE' })],
  ]
  for (const [name, change] of changes) {
    const before = await tagOf()
    await change()
    t.not(await tagOf(), before, name)
  }
  t.equal(await tagOf(TEAM_A), theirs)
  t.match((await ask(`/reports/${misfit}`)).json(), { id: misfit })
  const before = await tagOf()
  await writer.run('remember', 200, {})
  t.equal(await tagOf(), before, 'what is not shown changes no tag')
})

t.test('a tag of before a restart is not taken for one of after it', async (t) => {
  const folder = t.testdir({})
  const first = await collector(t, { DATA_DIR: folder })
  await first.ingest(judged('warn'))
  const { etag } = (await first.ask('/reports')).headers
  await first.close()
  const second = await collector(t, { DATA_DIR: folder })
  await second.ingest(judged('block'))
  const answer = await second.ask('/reports', { headers: { 'if-none-match': String(etag) } })
  t.match([answer.statusCode, answer.json()], [200, { pagination: { totalCount: 2 } }])
})

t.test('a report is deleted by the tag of what was read, as long as nothing has changed', async (t) => {
  const { ask, ingest } = await collector(t)
  const id = await ingest({ ...judged('warn'), notes: 'no list' })
  const url = `/reports/${id}`
  const remove = async (etag: unknown) =>
    (await ask(url, { method: 'DELETE', headers: { 'if-match': String(etag) } })).statusCode
  const { etag: old } = (await ask(url)).headers
  await ask('/schemas/qc-report', { method: 'PUT', payload: true })
  await ask('/reports/replay', { method: 'POST' })
  t.equal(await remove(old), 412)
  const current = async () => String((await ask(url)).headers.etag)
  t.equal(await remove(`W/${await current()}`), 412, 'compared strongly')
  t.equal(await remove(`"x", ${await current()}`), 204)
  t.equal(await remove('"x"'), 404)
})

import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import path from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import t from 'tap'
import { PORTS } from '#shared/ports.ts'
import { until } from '#shared/test/until.ts'
import { ask } from '../gateway/test/client.ts'
import { startSystem } from './test/system.ts'

t.setTimeout(120_000)

const KEY = { 'x-tenant': 'default', 'x-api-key': 'collector-key' }

interface Document {
  openapi: string
  paths: Record<string, Record<string, { summary?: string; tags?: string[]; responses?: unknown }>>
  'x-unavailable'?: string[]
}

/** For those that leave it as it is. */
const system = await startSystem(t)

t.test('one scrape of the gateway has the metrics of every process and passes promtool', async (t) => {
  await Promise.all(
    ['/api/events', '/api/diaries', '/reports'].map((url) => ask(system.gateway + url, { headers: KEY })),
  )
  const text = await until('every process in the scrape', async () => {
    const scrape = await (await fetch(`${system.admin.gateway}/metrics`)).text()
    const all = Object.keys(PORTS).every((name) => scrape.includes(`process_resident_memory_bytes{service="${name}"}`))
    return all && scrape
  })
  t.match(text, /http_request_duration_seconds_count{[^}]*route="\/api\/events"[^}]*service="gateway"} 1/)
  t.match(text, /http_request_duration_seconds_count{[^}]*route="\/api\/calendar\/events[^}]*service="calendar"} 1/)
  t.match(text, /gateway_upstream_up{upstream="diary",service="gateway"} 1/)
  t.match(text, /^collector_/m)
  const verdict = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
  if (verdict.error !== undefined) t.pass('promtool', { skip: 'promtool is not installed (Debian: prometheus)' })
  else t.equal(verdict.status, 0, verdict.stderr + verdict.stdout)
})

t.test('no process ends for a path that cannot be decoded', async (t) => {
  const names = Object.keys(PORTS) as (keyof typeof PORTS)[]
  const before = await Promise.all(names.map((name) => system.pidOf(name)))
  for (const name of names) {
    for (const method of ['GET', 'POST']) {
      for (const url of ['/%ff', '/reports/%zz', '/api/collector/reports/%zz']) {
        const { status } = await fetch(system[name] + url, { method, headers: KEY })
        t.ok([400, 401].includes(status), `${name} ${method} ${url}: ${status}`)
      }
    }
    t.equal((await fetch(`${system[name]}/health/live`)).status, 200, name)
  }
  t.same(await Promise.all(names.map((name) => system.pidOf(name))), before)
  t.notMatch(system.output(), 'a listener of answers failed')
})

t.test('one OpenAPI document describes what every service really serves', async (t) => {
  const document = (await ask(`${system.gateway}/openapi.json`)).json<Document>()
  t.match(document.openapi, /^3\.1\./)
  t.notOk('x-unavailable' in document)
  for (const [wanted, method] of [
    ['/api/calendar/events', 'post'],
    ['/api/calendar/tags/{id}', 'put'],
    ['/api/calendar/todos/{id}/toggle', 'patch'],
    ['/api/diaries', 'post'],
    ['/api/diaries/search', 'get'],
    ['/ingest/qc', 'post'],
    ['/reports/{id}/bundle.zip', 'get'],
    ['/timeline', 'get'],
    ['/admin/audit/logs', 'get'],
  ] as const) {
    t.ok(document.paths[wanted]?.[method], `${method} ${wanted}`)
  }
  for (const [url, operations] of Object.entries(document.paths)) {
    const concrete = url.replace(/\{[^}]+\}/g, 'x')
    if ('get' in operations) {
      // A stream of events never ends by itself: its head says enough.
      const answer = await fetch(system.gateway + concrete, { headers: KEY })
      const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream') === true
      if (isStream) await answer.body?.cancel()
      else t.notMatch(await answer.text(), /"Cannot GET/, `${url} is served: ${answer.status}`)
      t.ok(answer.status < 500, `${url}: ${answer.status}`)
    }
  }
})

t.test('a compressed list comes through as its service made it, and revalidates', async (t) => {
  for (let i = 0; i < 20; i++) {
    const body = JSON.stringify({ title: `모임 ${i}`, start_time: '2026-11-21T09:00', end_time: '2026-11-21T10:00' })
    const headers = { 'content-type': 'application/json' }
    t.equal((await ask(`${system.gateway}/api/events`, { method: 'POST', headers, body })).status, 201)
  }
  const url = `${system.gateway}/api/events`
  const plain = await ask(url)
  const small = await ask(url, { headers: { 'accept-encoding': 'br, gzip' } })
  t.equal(plain.headers['content-encoding'], undefined)
  t.equal(small.headers['content-encoding'], 'br')
  t.equal(brotliDecompressSync(small.bytes).toString(), plain.text)
  t.ok(small.bytes.length < plain.bytes.length)
  t.match(small.headers.vary, /accept-encoding/i)
  t.match(small.headers.vary, /origin/i)
  t.equal(small.headers.etag, String(plain.headers.etag).replace(/"$/, '-br"'))
  for (const tag of [plain.headers.etag, small.headers.etag]) {
    const again = await ask(url, { headers: { 'accept-encoding': 'br', 'if-none-match': tag as string } })
    t.equal(again.status, 304, String(tag))
    t.equal(again.bytes.length, 0)
  }
})

t.test('with access required nobody gets past the door, nor around it', async (t) => {
  const system = await startSystem(t, { ACCESS: 'required' })
  for (const url of [
    `${system.gateway}/api/events`,
    `${system.gateway}/api/diaries`,
    `${system.calendar}/api/calendar/events`,
    `${system.diary}/api/diaries`,
    `${system.collector}/reports`,
  ]) {
    t.equal(
      (await ask(url, { headers: { ...KEY, 'x-user-id': 'me', 'x-najimban-assertion': 'forged' } })).status,
      401,
      url,
    )
  }
  t.equal((await ask(`${system.gateway}/reports`, { headers: KEY })).status, 200, 'a key of the collector opens it')
  t.equal((await ask(`${system.gateway}/reports`, { headers: { ...KEY, 'x-api-key': 'wrong' } })).status, 403)
  for (const name of ['gateway', 'calendar', 'diary', 'collector', 'identity'] as const) {
    t.equal((await ask(`${system[name]}/health`)).status, 200, `${name} says how it is`)
  }
})

t.test('a database that is deleted under a running service takes no more writes, and the gateway tells', async (t) => {
  const system = await startSystem(t, {}, ['calendar', 'gateway'])
  const body = JSON.stringify({ title: 'a', start_time: '2026-11-21T09:00', end_time: '2026-11-21T10:00' })
  const post = () =>
    ask(`${system.gateway}/api/events`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  t.equal((await post()).status, 201)
  rmSync(path.join(system.dataDir, 'calendar.db'))
  const refused = await until('a refusal', async () => {
    const answer = await post()
    return answer.status !== 201 && answer
  })
  t.equal(refused.status, 503)
  t.match(refused.json(), { message: 'The database is not usable' })
  const health = await ask(`${system.calendar}/health`)
  t.equal(health.status, 503)
  t.match(health.json(), { status: 'unhealthy', database: 'disconnected' })
  t.equal((await ask(`${system.calendar}/health/ready`)).status, 503)
  t.equal((await ask(`${system.calendar}/health/live`)).status, 200)
  await until('the gateway to tell', async () => {
    const page = (await ask(`${system.gateway}/health`)).json<{ upstreams: { calendar: { reason?: string } } }>()
    return page.upstreams.calendar.reason === 'the database is not usable'
  })
})

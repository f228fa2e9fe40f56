import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { renameSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { createAdminServer, type AdminPage } from './admin.ts'
import { openDatabase } from './database.ts'
import { createHealth } from './health.ts'
import { createMetrics, mergedMetrics } from './metrics.ts'

async function serve(t: Test, pages: Record<string, AdminPage> = {}) {
  const file = path.join(t.testdir({}), 'notes.db')
  const database = openDatabase({ file, applicationId: 1, migrations: ['CREATE TABLE notes (n)'] })
  const metrics = createMetrics('calendar')
  const health = createHealth('calendar-service', database)
  const server = createAdminServer(health, metrics, pages).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    health.stop()
    database.close()
  })
  const { port } = server.address() as AddressInfo
  const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init)
  return { get, health, metrics, file }
}

t.test('liveness is always, readiness from the start to the drain and with a usable database only', async (t) => {
  const { get, health, file } = await serve(t)
  const ready = async () => {
    const answer = await get('/health/ready')
    return [answer.status, ((await answer.json()) as { reason?: string }).reason]
  }
  t.same(await ready(), [503, 'starting'])
  health.setReady()
  t.same(await ready(), [200, undefined])
  renameSync(file, `${file}.away`)
  await health.check()
  t.same(await ready(), [503, 'the database is not usable'])
  t.equal((await get('/health/live')).status, 200)
  renameSync(`${file}.away`, file)
  await health.check()
  t.same(await ready(), [200, undefined])
  health.setDraining()
  t.same(await ready(), [503, 'draining'])
  t.same(await (await get('/health/live')).json(), { status: 'alive' })
})

t.test('the details tell process, event loop, file and disk', async (t) => {
  const { get, health, file } = await serve(t)
  health.setReady()
  const details = (await (await get('/health')).json()) as Record<string, unknown>
  t.match(details, {
    status: 'healthy',
    service: 'calendar-service',
    version: /^\d+\.\d+\.\d+/,
    uptime: Number,
    ready: true,
    process: { pid: process.pid, node: process.version, event_loop_delay_ms: { p99: Number, max: Number } },
    storage: { file },
  })
  const { storage, process: own } = details as Record<string, Record<string, number>>
  for (const [name, value] of Object.entries({
    rss: own?.rss_bytes,
    file: storage?.file_bytes,
    free: storage?.disk_free_bytes,
    total: storage?.disk_total_bytes,
  })) {
    t.ok((value as number) > 0, name)
  }
})

t.test('extra pages stand over the standard ones, an unknown path is 404, a failing page 500', async (t) => {
  const { get } = await serve(t, {
    '/health': async () => ({ type: 'text/plain', body: 'mine' }),
    '/broken': () => Promise.reject(new Error('secret')),
  })
  t.equal(await (await get('/health')).text(), 'mine')
  t.equal(await (await get('/health?x=1', { method: 'HEAD' })).text(), '')
  const missing = await get('/nope')
  t.equal(missing.status, 404)
  t.match(missing.headers.get('content-type'), 'application/problem+json')
  const broken = await get('/broken')
  t.equal(broken.status, 500)
  t.notMatch(await broken.text(), 'secret')
})

t.test('metrics of several processes pass promtool as one scrape', async (t) => {
  const { get, metrics } = await serve(t)
  metrics.observe('GET', '/api/calendar/events', 200, 0.004)
  metrics.observe('GET', '/api/calendar/events', 200, 0.3)
  metrics.observe('POST', '/api/calendar/events/:id', 201, 30)
  const other = createMetrics('diary')
  other.observe('GET', '/api/calendar/events', 200, 0.002)
  const text = await (await get('/metrics')).text()
  t.match(text, /_bucket{method="GET",route="\/api\/calendar\/events",status="200",le="0.005",service="calendar"} 1/)
  t.match(text, /_count{method="GET",route="\/api\/calendar\/events",status="200",service="calendar"} 2/)
  t.match(text, /_bucket{method="POST",.*,le="10",.*} 0/)
  t.match(text, /_bucket{method="POST",.*,le="\+Inf",.*} 1/)
  const own = (await (await get('/metrics.json')).json()) as never
  const merged = await mergedMetrics([own, (await other.registry.getMetricsAsJSON()) as never])
  t.match(merged, /_count{[^}]*service="calendar"} 2/)
  t.match(merged, /_count{[^}]*service="diary"} 1/)
  for (const scrape of [text, merged]) {
    const verdict = spawnSync('promtool', ['check', 'metrics'], { input: scrape, encoding: 'utf8' })
    if (verdict.error !== undefined) t.pass('promtool', { skip: 'promtool is not installed (Debian: prometheus)' })
    else t.equal(verdict.status, 0, verdict.stderr + verdict.stdout)
  }
})

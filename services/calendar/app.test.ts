import { renameSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { readConfig } from '#shared/config.ts'
import { settings } from './config.ts'
import { addEvent, calendar, meeting } from './test/client.ts'

t.test('health says what the monitor reads, and 503 when the database file is gone', async (t) => {
  const { call, health, dataDir } = await calendar(t)
  const healthy = await call('GET', '/health')
  t.equal(healthy.status, 200)
  t.match(healthy.json(), {
    status: 'healthy',
    service: 'calendar-service',
    timestamp: /^\d{4}-.*Z$/,
    database: 'connected',
    uptime: Number,
  })
  await health.check()
  const file = path.join(dataDir, 'calendar.db')
  renameSync(file, `${file}.away`)
  await health.check()
  const ill = await call('GET', '/health')
  t.equal(ill.status, 503)
  t.match(ill.json(), { status: 'unhealthy', database: 'disconnected' })
  t.equal((await call('POST', '/events', { body: meeting })).status, 503, 'writes are refused then')
  renameSync(`${file}.away`, file)
  await health.check()
  t.equal((await call('GET', '/health')).status, 200)
})

t.test('metrics tell how many writes wait', async (t) => {
  const { metrics } = await calendar(t)
  t.match(await metrics.registry.metrics(), 'calendar_writes_pending{service="calendar"} 0')
})

t.test('everything is there after a restart', async (t) => {
  const first = await calendar(t)
  const event = await addEvent(first)
  await first.close()
  const second = await calendar(t, { DATA_DIR: first.dataDir })
  t.same((await second.call('GET', `/events/${event.id}`)).json(), { status: 'success', data: event })
})

t.test('a default time zone that does not exist is refused by the name of the setting', async (t) => {
  t.throws(() => readConfig(settings, { DEFAULT_TIME_ZONE: 'Seoul' }), { message: /DEFAULT_TIME_ZONE.*IANA/ })
  t.equal(readConfig(settings, {}).DEFAULT_TIME_ZONE, 'Asia/Seoul')
})

t.test('only verified callers are answered when access is required', async (t) => {
  const { call } = await calendar(t, { ACCESS: 'required', INTERNAL_SECRET: 'a secret that is long enough, 32+' })
  for (const path of ['/events', '/tags', '/todos']) {
    t.equal((await call('GET', path, { headers: { 'x-user-id': 'me' } })).status, 401, path)
  }
  t.equal((await call('GET', '/health')).status, 200)
})

t.test('the OpenAPI document names every endpoint', async (t) => {
  const { app } = await calendar(t)
  const { paths } = (await app.inject('/openapi.json')).json<{ paths: Record<string, object> }>()
  const named = Object.entries(paths).map(([name, methods]) => `${name} ${Object.keys(methods).join()}`)
  for (const expected of [
    '/api/calendar/events get,post',
    '/api/calendar/events/{id} get,put,patch,delete',
    '/api/calendar/events/{eventId}/tags get,post',
    '/api/calendar/tags get,post',
    '/api/calendar/todos/{id}/toggle patch',
  ]) {
    t.ok(named.includes(expected), expected)
  }
})

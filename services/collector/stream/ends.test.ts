import { connect } from 'node:net'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { DEFAULT_KEY, TEAM_A } from '../test/collector.ts'
import { streaming, until } from './test/streaming.ts'

t.test('there are so many streams of a tenant, and of all', async (t) => {
  const { reader, open } = await streaming(t, { STREAMS_PER_TENANT_MAX: '2', STREAMS_MAX: '3' })
  const [first] = [await reader(), await reader()]
  const third = await reader()
  t.match([third.answer.statusCode, third.answer.headers], [429, { 'retry-after': /\d+/ }])
  t.equal((await reader('', TEAM_A)).answer.statusCode, 200)
  t.equal((await reader('', TEAM_A)).answer.statusCode, 503)
  t.equal(await open(), 3)
  first?.leave()
  await until('it is free again', async () => (await open()) === 2)
  t.equal((await reader()).answer.statusCode, 200)
})

t.test('a reader that takes nothing is dropped, and nothing is kept for it', async (t) => {
  // The buffers of a Unix socket are small; those of TCP take megabytes.
  const path = join(mkdtempSync(join(tmpdir(), 'najimban-stream-')), 'socket')
  const { ask, open, app } = await streaming(t, { STREAM_STALL_MS: '300', STREAM_HEARTBEAT_MS: '200' }, path)
  const socket = connect(path)
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  const headers = Object.entries(DEFAULT_KEY).map(([name, value]) => `${name}: ${value}`)
  socket.write(['GET /reports/stream HTTP/1.1', 'host: localhost', ...headers, '', ''].join('\r\n'))
  socket.pause()
  await until('it is open', async () => (await open()) === 1)
  const isDropped = async () => (await open()) === 0
  for (let n = 0; n < 10; n++) {
    const policy = { policy_version: 'v'.repeat(250) }
    const payload = Array.from({ length: 500 }, (_, at) => ({ status: {}, policy, raw: n * 500 + at }))
    await ask('/ingest/qc/batch', { method: 'POST', payload })
  }
  await until('it is dropped', isDropped)
  t.match((await app.inject('/metrics')).body, 'collector_streams_dropped_total 1')
})

t.test('streams end when the service stops, and new ones are refused then', async (t) => {
  const { reader, health, ask, open } = await streaming(t)
  const one = await reader()
  health.setDraining()
  await until('it ends', one.ended)
  t.equal(one.answer.complete, true, 'as an answer that is whole')
  t.equal(one.raw(), '', 'and not in the middle of an event')
  t.equal((await ask('/reports/stream')).statusCode, 503)
  t.equal(await open(), 0)
})

t.test('the streams of a tenant end when it is suspended, and nobody else has to', async (t) => {
  const { ask, reader } = await streaming(t)
  const [own, other] = [await reader('', TEAM_A), await reader()]
  await ask('/admin/tenants/teamA/suspend', { method: 'POST' })
  await until('its end', own.ended)
  t.notOk(other.ended())
  t.equal((await reader('', TEAM_A)).answer.statusCode, 403)
  await ask('/admin/tenants/teamA/resume', { method: 'POST' })
  t.equal((await reader('', TEAM_A)).answer.statusCode, 200)
})

t.test('a stream has an end, and its request is in the log of the tenant', async (t) => {
  const { reader, ask } = await streaming(t, { STREAM_MAX_S: '1' })
  const one = await reader()
  await until('it ends', one.ended)
  t.equal(one.answer.complete, true)
  const isLogged = async () =>
    (await ask('/admin/audit/logs'))
      .json<{ logs: { path: string; statusCode: number }[] }>()
      .logs.some(({ path, statusCode }) => path === '/reports/stream' && statusCode === 200)
  await until('it is in the log', isLogged)
  t.pass()
})

t.test('who leaves leaves nothing behind', async (t) => {
  const { reader, open } = await streaming(t)
  const readers = await Promise.all(Array.from({ length: 50 }, () => reader()))
  t.equal(await open(), 50)
  for (const { leave } of readers) leave()
  await until('all are gone', async () => (await open()) === 0)
  t.pass()
})

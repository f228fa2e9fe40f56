import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { until } from '#shared/test/until.ts'
import { startSystem, type System } from './test/system.ts'

t.setTimeout(120_000)

const WANTED = 10_000
const BATCH = 250
/** What this process and the gateway need besides. */
const RESERVED_FILES = 500

/** Node raises its own limit to the hard one, so that is what counts. */
function openFilesMax(): number {
  const limit = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout.trim()
  return limit === 'unlimited' ? Infinity : Number(limit)
}

/** Connections that send `text`, or nothing, and then keep silent. */
async function hold(t: Test, system: System, count: number, text = ''): Promise<Socket[]> {
  const sockets: Socket[] = []
  t.teardown(() => sockets.forEach((socket) => socket.destroy()))
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - sockets.length) }, () =>
      connect(system.ports.gateway, '127.0.0.1').on('error', () => undefined),
    )
    sockets.push(...batch)
    await Promise.all(batch.map((socket) => once(socket, 'connect')))
    if (text !== '') batch.forEach((socket) => socket.write(text))
  }
  return sockets
}

t.test('10,000 idle connections keep nobody out', async (t) => {
  const count = Math.min(WANTED, openFilesMax() - RESERVED_FILES)
  if (count < WANTED) t.comment(`only ${count}: the hard limit of open files (ulimit -Hn) allows no more`)
  const system = await startSystem(t, { HEADERS_TIMEOUT_MS: '300000' }, ['calendar', 'gateway'])
  const sockets = await hold(t, system, count)
  for (let i = 0; i < 5; i++) {
    t.equal((await fetch(`${system.gateway}/api/events`, { headers: { connection: 'close' } })).status, 200)
    t.equal((await fetch(`${system.admin.gateway}/health/live`)).status, 200)
    t.equal((await fetch(`${system.admin.gateway}/health/ready`)).status, 200)
  }
  t.equal(sockets.filter((socket) => socket.readyState === 'open').length, count, 'they are all still there')
  const details = (await (await fetch(`${system.admin.gateway}/health`)).json()) as { process: { rss_bytes: number } }
  t.comment(`${count} connections, ${Math.round(details.process.rss_bytes / 1024 / 1024)} MB`)
  t.equal(await system.stop(), 0, 'they do not hold up the end either')
})

t.test('connections that never finish their headers are cut', async (t) => {
  const system = await startSystem(t, { HEADERS_TIMEOUT_MS: '1000' }, ['calendar', 'gateway'])
  const half = 'GET /api/events HTTP/1.1\r\nHost: localhost\r\nX-A: '
  const sockets = [...(await hold(t, system, 300, half)), ...(await hold(t, system, 300))]
  const dripping = setInterval(() => sockets.forEach((socket) => socket.write('x')), 200)
  t.teardown(() => clearInterval(dripping))
  for (const socket of sockets) socket.resume()
  await until('all to be cut', () => sockets.every((socket) => socket.readyState !== 'open'))
  t.equal((await fetch(`${system.gateway}/api/events`)).status, 200)
})

t.test('clients that leave in the middle of a body leave nothing behind', async (t) => {
  const system = await startSystem(t, {}, ['diary', 'gateway'])
  const head =
    'POST /api/diaries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n'
  const sockets = await hold(t, system, 40, `${head}{"date":"2026-11-21","content":"`)
  const connections = async (wanted: RegExp) =>
    wanted.test(await (await fetch(`${system.admin.gateway}/metrics`)).text())
  await until('the requests to be under way', () => connections(/upstream_connections{upstream="diary"[^}]*} 40/))
  sockets.forEach((socket) => socket.destroy())
  await until('them to be given up', () => connections(/upstream_connections{upstream="diary"[^}]*} [0-4]\n/))
  const answer = await fetch(`${system.gateway}/api/diaries`)
  t.equal(answer.status, 200)
  t.same(await answer.json(), [])
  t.match(await (await fetch(`${system.gateway}/health`)).json(), {
    upstreams: { diary: { status: 'up', breaker: 'closed' } },
  })
})

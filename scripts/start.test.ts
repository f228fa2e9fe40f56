import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { ADMIN_PORT_OFFSET, PORTS, type ProcessName } from '#shared/ports.ts'
import { until } from '#shared/test/until.ts'
import { allGone } from './test/processes.ts'
import { runStart, startSystem, systemSettings, type System } from './test/system.ts'

t.setTimeout(120_000)

const NAMES = Object.keys(PORTS) as ProcessName[]
const FEW = ['calendar', 'gateway'] as const
const SERVICES = NAMES.filter((name) => name !== 'gateway')

const pidsOf = (system: System) => Promise.all(NAMES.map((name) => system.pidOf(name)))

t.test('everything comes up on its own file, says where it listens, and ends without leaving anything', async (t) => {
  const system = await startSystem(t)
  const said = system.output()
  for (const name of NAMES) {
    t.match(said, new RegExp(`${name} +│ ${system[name]} +│ ${system.admin[name]}/health`), name)
    t.equal((await fetch(`${system[name]}/health`)).status, 200, name)
    t.equal((await fetch(`${system.admin[name]}/health/ready`)).status, 200, name)
  }
  t.match(said, new RegExp(`Ready in \\d+\\.\\d s, pid ${system.supervisor.pid}\\.`), 'where to send signals')
  const url = /curl (\S+)/.exec(said)?.[1] as string
  t.equal((await fetch(url)).status, 200, 'the line to try works')
  for (const name of SERVICES) t.ok(existsSync(path.join(system.dataDir, `${name}.db`)), name)
  const key = path.join(system.dataDir, 'monitor.key')
  t.equal(statSync(key).mode & 0o777, 0o600)
  t.equal(statSync(system.dataDir).mode & 0o777, 0o700)

  const pids = await pidsOf(system)
  t.equal(new Set(pids).size, NAMES.length)
  t.equal(await system.stop(), 0)
  await allGone(pids)
  t.same(
    readdirSync(system.dataDir).filter((file) => file.endsWith('-wal')),
    [],
    'every database is closed',
  )
})

t.test('a request that is under way at SIGTERM is answered', async (t) => {
  const system = await startSystem(t, {}, FEW)
  const body = JSON.stringify({ title: 'a', start_time: '2026-11-21T09:00', end_time: '2026-11-21T10:00' })
  let send = (_part: string) => {}
  let end = () => {}
  const stream = new ReadableStream({
    start(controller) {
      send = (part) => controller.enqueue(new TextEncoder().encode(part))
      end = () => controller.close()
    },
  })
  send(body.slice(0, 10))
  const answer = fetch(`${system.gateway}/api/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: stream,
    duplex: 'half',
  })
  // The gateway has taken it when the calendar has a connection with a request on it.
  await until('the request to be under way', async () => {
    const text = await (await fetch(`${system.admin.gateway}/metrics`)).text()
    return /gateway_upstream_connections{upstream="calendar"[^}]*} 1/.test(text)
  })
  system.supervisor.kill('SIGTERM')
  await until('the gateway to drain', async () => (await fetch(`${system.admin.gateway}/health/ready`)).status === 503)
  send(body.slice(10))
  end()
  t.equal((await answer).status, 201)
  t.equal(await system.exited, 0)
})

t.test('SIGKILL of the parent leaves no process and no socket', async (t) => {
  const SOCKET_DIR = path.join(tmpdir(), `sockets-${process.pid}`)
  const system = await startSystem(t, { SOCKET_DIR }, FEW)
  t.ok(existsSync(path.join(SOCKET_DIR, 'calendar.sock')))
  const pids = await Promise.all(FEW.map((name) => system.pidOf(name)))
  system.supervisor.kill('SIGKILL')
  t.equal(await system.exited, 'SIGKILL')
  await allGone(pids)
  t.notOk(existsSync(SOCKET_DIR))
})

t.test('a process that was killed is started again, while requests for it wait', async (t) => {
  // However long a machine that is busy takes to start a process.
  const system = await startSystem(t, { PROXY_RESTART_WAIT_MS: '30000', PROXY_HEADERS_TIMEOUT_MS: '60000' })
  for (const name of NAMES) {
    const pid = await system.pidOf(name)
    process.kill(pid, 'SIGKILL')
    await allGone([pid])
    const path = {
      gateway: '/health',
      calendar: '/api/events',
      diary: '/api/diaries',
      collector: '/health',
      identity: '/.well-known/jwks.json',
    }[name]
    if (name !== 'gateway') t.equal((await fetch(system.gateway + path)).status, 200, `${name}, asked at once`)
    const next = await until(`${name} to be back`, () => system.pidOf(name))
    t.not(next, pid)
    await until(`${name} to answer`, async () => (await fetch(`${system[name]}/health/ready`)).status === 200)
  }
  t.match(system.output(), /calendar ended \(SIGKILL\); starting it again in 100 ms/)
})

t.test('one service alone needs no gateway', async (t) => {
  const system = await startSystem(t, {}, ['diary'])
  t.match(system.output(), `curl ${system.diary}/api/diaries`)
  t.equal((await fetch(`${system.diary}/api/diaries`)).status, 200)
})

t.test('npm passes SIGTERM on: it runs the program in its own place', async (t) => {
  const { env } = await systemSettings(t)
  const npm = spawn('npm', ['run', '--silent', 'start:calendar'], {
    cwd: path.join(import.meta.dirname, '..'),
    env: { ...process.env, ...env, LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => npm.kill('SIGKILL'))
  let said = ''
  npm.stdout.setEncoding('utf8').on('data', (part: string) => (said += part))
  await until('the calendar', () => said.includes('Ready in'), 60_000)
  const details = (await (await fetch(`http://127.0.0.1:${Number(env.CALENDAR_PORT) + 100}/health`)).json()) as {
    process: { pid: number }
  }
  npm.kill('SIGTERM')
  await once(npm, 'close')
  await allGone([details.process.pid])
  t.match(said, 'calendar')
})

t.test('while somebody edits, a process that dies waits for the next change', async (t) => {
  const { env, ports } = await systemSettings(t)
  const started = runStart(t, env, ['calendar', '--watch'])
  await until('the calendar to be ready', () => started.output().includes('Ready in'))
  const answer = await fetch(`http://127.0.0.1:${ports.calendar + ADMIN_PORT_OFFSET}/health`)
  const { process: calendar } = (await answer.json()) as { process: { pid: number } }
  process.kill(calendar.pid, 'SIGKILL')
  await until('the remark', () => started.output().includes('calendar ended (SIGKILL); waiting for a change'))
  t.equal(await started.stop(), 0)
})

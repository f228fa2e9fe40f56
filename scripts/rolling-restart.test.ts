import { Agent, request, type OutgoingHttpHeaders } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { until } from '#shared/test/until.ts'
import { unlimited } from './test/monitor-key.ts'
import { startSystem } from './test/system.ts'

t.setTimeout(120_000)

const CLIENTS = 30
const PAUSE_MS = 5
const SERVICES = ['calendar', 'diary', 'collector', 'identity'] as const
const PATHS = ['/api/events', '/api/diaries', '/reports', '/api/calendar/tags']

/** A GET on one of the agent's connections. */
const get = (url: string, agent: Agent, headers: OutgoingHttpHeaders) =>
  new Promise<number>((resolve, reject) => {
    const asked = request(url, { agent, headers }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', reject)
    })
    asked.on('error', reject)
    asked.end()
  })

t.test('a rolling restart of every service under load fails no request', async (t) => {
  // A busy machine takes longer to start a process than the two seconds that requests usually wait.
  const system = await startSystem(t, { PROXY_RESTART_WAIT_MS: '30000' })
  const headers = { ...unlimited(system.dataDir), 'x-tenant': 'default', 'x-api-key': 'collector-key' }
  const before = await Promise.all(SERVICES.map(system.pidOf))
  const failures: string[] = []
  let answered = 0
  let running = true
  const client = async (index: number) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let i = index; running; i++) {
      const path = PATHS[i % PATHS.length] as string
      try {
        const status = await get(system.gateway + path, agent, headers)
        if (status === 200) answered++
        else failures.push(`${path} ${status}`)
      } catch (error) {
        failures.push(`${path} ${String(error)}`)
      }
      await pause(PAUSE_MS)
    }
    agent.destroy()
  }
  const clients = Array.from({ length: CLIENTS }, (_, index) => client(index))
  await until('the load', () => answered > 200)
  system.supervisor.kill('SIGHUP')
  for (const [index, name] of SERVICES.entries()) {
    await until(`${name} to be another process`, async () => (await system.pidOf(name)) !== before[index], 60_000)
  }
  const half = answered
  await until('some load after it', () => answered > half + 200)
  running = false
  await Promise.all(clients)
  t.same(failures, [])
  t.comment(`${answered} requests answered`)
  t.notMatch(system.output(), 'ended (', 'no process died')
})

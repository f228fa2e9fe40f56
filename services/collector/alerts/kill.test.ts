import { until } from '#shared/test/until.ts'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import t, { type Test } from 'tap'
import { DEFAULT_KEY } from '../test/collector.ts'
import { freshDatabase, ON_POSTGRES } from '../test/postgres.ts'
import { blocking, SECRET, type AlertItem } from './test/collector.ts'
import { receiver } from './test/receiver.ts'

const MAIN = path.join(import.meta.dirname, '..', 'main.ts')
const KILLS = 3

async function start(t: Test, env: Record<string, string>): Promise<{ child: ChildProcess; base: string }> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      NODE_ENV: 'test',
      LOG_LEVEL: 'fatal',
      COLLECTOR_PORT: '0',
      API_KEYS: 'default:collector-key',
      OUTBOUND_ALLOW: '127.0.0.1',
      OUTBOUND_TIMEOUT_MS: '200',
      ALERT_INTERVAL_S: '0.05',
      ALERT_GROUP_WAIT_S: '0',
      ALERT_GROUP_INTERVAL_S: '0',
      ALERT_RETRY_MS: '50',
      ALERT_RETRY_MAX_MS: '50',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [message] = (await once(child, 'message')) as [{ port: number }]
  return { child, base: `http://127.0.0.1:${message.port}` }
}

t.test('kill -9 while notifications are under way loses none, and what comes twice has the same id', async (t) => {
  const hook = await receiver(t)
  // Taken in, and never answered: the sender dies not knowing whether it arrived.
  hook.state.answer = () => undefined
  const env = {
    DATA_DIR: t.testdir({}),
    ...(ON_POSTGRES ? { COLLECTOR_DATABASE_URL: await freshDatabase(t) } : {}),
  }
  let running = await start(t, env)
  const ask = async (method: string, url: string, body?: object) => {
    const answer = await fetch(running.base + url, {
      method,
      headers: { ...DEFAULT_KEY, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return (await answer.json()) as Record<string, unknown>
  }
  await ask('PUT', '/alerts/channels/hook', { kind: 'webhook', url: hook.url, secret: SECRET, groupBy: 'alert' })
  await ask('POST', '/ingest/qc', blocking(3))
  for (const name of ['a', 'b', 'c']) {
    await ask('PUT', `/alerts/rules/${name}`, { kind: 'block_findings', level: 'critical', count: 1 })
  }
  for (let kill = 1; kill <= KILLS; kill++) {
    await hook.count(kill)
    const died = once(running.child, 'exit')
    running.child.kill('SIGKILL')
    await died
    running = await start(t, env)
  }
  hook.state.answer = (response) => response.end()
  const alerts = await until('three alerts', async () => {
    const found = (await ask('GET', '/alerts')) as unknown as { alerts: AlertItem[] }
    return found.alerts.length === 3 && found.alerts
  })
  await until('all are sent', async () => {
    const { notifications } = (await ask('GET', '/alerts/notifications?state=sent')) as { notifications: object[] }
    return notifications.length === 3
  })
  const ids = new Map<string, Set<unknown>>()
  for (const { headers, body } of hook.received) {
    const { id } = (body as { data: { alerts: { id: string }[] } }).data.alerts[0] as { id: string }
    ids.set(id, (ids.get(id) ?? new Set()).add(headers['webhook-id']))
  }
  t.same([...ids.keys()].sort(), alerts.map(({ id }) => id).sort(), 'every alert was told')
  t.ok([...ids.values()].every(({ size }) => size === 1))
  t.ok(hook.received.length > 3, 'some twice')
  running.child.kill('SIGTERM')
  await once(running.child, 'exit')
})

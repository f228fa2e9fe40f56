import { until } from '#shared/test/until.ts'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { alerting, blocking, bodyOf, SECRET, type HookBody } from '../alerts/test/collector.ts'
import { receiver } from '../alerts/test/receiver.ts'
import { startPostgres } from '../test/postgres-server.ts'
import { freshDatabase, needsPostgres } from '../test/postgres.ts'

const options = await needsPostgres()
const BLOCKS = { kind: 'block_findings', level: 'critical', count: 1 }
const HOOK = { kind: 'webhook', secret: SECRET }

t.test('of several replicas one looks at the rules, each may send, and another one takes over', options, async (t) => {
  const hook = await receiver(t)
  const COLLECTOR_DATABASE_URL = await freshDatabase(t)
  const ENCRYPTION_KEYS = `k:${randomBytes(32).toString('base64')}`
  const start = (COLLECTOR_PORT: string) => alerting(t, { COLLECTOR_DATABASE_URL, ENCRYPTION_KEYS, COLLECTOR_PORT })
  const [one, other] = [await start('5003'), await start('6003')]
  await one.channel('hook', { ...HOOK, url: hook.url })
  await one.ingest(blocking(1))
  for (const name of ['a', 'b', 'c', 'd']) await other.rule(name, BLOCKS)
  await hook.count(4)
  await one.looks()
  t.equal(hook.received.length, 4, 'each once')
  t.equal((await one.alerts()).length, 4)
  const holder = async () => (await one.sql<{ holder: string }>('SELECT holder FROM alert_lease'))[0]?.holder
  const first = await holder()
  await (first?.endsWith(':5003') === true ? one : other).close()
  const left = first?.endsWith(':5003') === true ? other : one
  await left.call('DELETE', '/rules/a', 204)
  await hook.count(5)
  t.match(hook.received[4]?.body, { type: 'alert.resolved' })
})

t.test('nobody takes the place of a replica whose lease is good', options, async (t) => {
  const it = await alerting(t, { COLLECTOR_DATABASE_URL: await freshDatabase(t), ALERT_INTERVAL_S: '3600' })
  const hold = (instance: string, now: number, end: number) => it.writer.run('holdAlertLease', instance, now, end)
  await it.sql('DELETE FROM alert_lease')
  t.equal(await hold('a', 0, 100), true)
  t.equal(await hold('b', 50, 150), false)
  t.equal(await hold('a', 60, 160), true)
  t.equal(await hold('b', 160, 260), true)
  t.equal(await hold('a', 161, 261), false)
})

t.test('a server that is lost is told at once, noted when it is back, and over then', options, async (t) => {
  const server = await startPostgres()
  t.teardown(() => server.stop())
  const hook = await receiver(t)
  const logs = path.join(t.testdir({}), 'logs')
  const it = await alerting(t, {
    COLLECTOR_DATABASE_URL: server.url,
    COLLECTOR_DATABASE_TIMEOUT_MS: '1000',
    LOG_DIR: logs,
    LOG_LEVEL: 'warn',
  })
  await it.channel('hook', { ...HOOK, url: hook.url })
  await it.rule('lost', { kind: 'database_lost', level: 'critical' })
  await it.looks()
  await server.halt()
  await it.health.check()
  t.match((await hook.count(1)).body, { type: 'alert.firing', data: { alerts: [{ rule: 'lost' }] } })
  await server.start()
  t.match((await hook.count(2)).body, { type: 'alert.resolved', data: { alerts: [{ rule: 'lost' }] } })
  const alert = await it.alert('resolved', 'lost')
  await until('both are noted', async () => (await it.notifications('?state=sent')).length === 2)
  t.equal((await it.alerts()).length, 1)
  t.ok(alert)
  const said = () => readFileSync(path.join(logs, 'collector.log'), 'utf8').split('outbox could not be read').length - 1
  t.equal(said(), 1, 'one line, however often it looks')
})

t.test('a server that is lost again while its alert still fires is told to everybody', options, async (t) => {
  const server = await startPostgres()
  t.teardown(() => server.stop())
  const [hook, away] = [await receiver(t), await receiver(t)]
  const it = await alerting(t, { COLLECTOR_DATABASE_URL: server.url, COLLECTOR_DATABASE_TIMEOUT_MS: '1000' })
  await it.channel('hook', { ...HOOK, url: hook.url })
  await it.rule('lost', { kind: 'database_lost', level: 'critical', keepFiringFor: '1h' })
  const lose = async (count: number) => {
    await server.halt()
    await it.health.check()
    const told = bodyOf<HookBody>(await hook.count(count)).data.alerts[0]?.id
    await server.start()
    await until('it is noted', async () => (await it.ask('/alerts?state=firing')).body.includes(String(told)))
    return told
  }
  await it.looks()
  const first = await lose(1)
  await away.close()
  await it.channel('away', { ...HOOK, url: away.url })
  await until('a try', async () => (await it.notifications('?state=failed')).length === 1)
  const second = await lose(2)
  t.match((await hook.count(3)).body, { type: 'alert.resolved', data: { alerts: [{ id: first }] } })
  const back = await receiver(t, { port: away.port })
  await back.count(3)
  t.same(
    back.received.map(({ body }) => [body.type, (body as unknown as HookBody).data.alerts[0]?.id]),
    [
      ['alert.firing', first],
      ['alert.resolved', first],
      ['alert.firing', second],
    ],
  )
})

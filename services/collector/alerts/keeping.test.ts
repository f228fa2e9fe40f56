import { until } from '#shared/test/until.ts'
import t from 'tap'
import { alerting, blocking, type NotificationItem } from './test/collector.ts'
import { receiver } from './test/receiver.ts'
import { ONE_BLOCKS, HOOK, test } from './test/sending.ts'

t.test('an outbox that is full gives up its oldest notifications', async (t) => {
  const it = await alerting(t, { ALERT_OUTBOX_MAX: '2', ALERT_CIRCUIT_FAILURES: '1', ALERT_RETRY_MAX_MS: '600000' })
  const gone = await receiver(t)
  await gone.close()
  await it.channel('hook', { ...HOOK, url: gone.url })
  const ids = []
  for (let i = 0; i < 4; i++) ids.push(await test(it, 'hook'))
  const dead = await it.notifications('?state=dead')
  t.same(dead.map(({ id }) => id).sort(), ids.slice(0, 2).sort())
  t.match(dead[0], { lastError: 'too many notifications were waiting' })
})

t.test('pages of alerts and notifications have a next one until the end', async (t) => {
  const hook = await receiver(t)
  const it = await alerting(t)
  await it.channel('hook', { ...HOOK, url: hook.url })
  for (let i = 0; i < 3; i++) await test(it, 'hook')
  type Page = { notifications: NotificationItem[]; nextCursor?: string }
  const one = await it.call<Page>('GET', '/notifications?limit=2', 200)
  const two = await it.call<Page>('GET', `/notifications?limit=2&cursor=${one.nextCursor}`, 200)
  t.equal(new Set([...one.notifications, ...two.notifications].map(({ id }) => id)).size, 3)
  t.equal(two.nextCursor, undefined)
  await it.ingest(blocking(1))
  for (const name of ['a', 'b', 'c']) await it.rule(name, ONE_BLOCKS)
  await until('three alerts', async () => (await it.alerts()).length === 3)
  type Alerts = { alerts: { rule: string }[]; nextCursor?: string }
  const first = await it.call<Alerts>('GET', '?limit=2&state=active&level=critical', 200)
  const rest = await it.call<Alerts>('GET', `?limit=2&state=active&level=critical&cursor=${first.nextCursor}`, 200)
  t.same([...first.alerts, ...rest.alerts].map(({ rule }) => rule).sort(), ['a', 'b', 'c'])
  await it.call('GET', '?limit=101', 400)
  await it.call('GET', '?cursor=nonsense', 400)
})

t.test('what is over is deleted when it is old enough, and what waits is not', async (t) => {
  const hook = await receiver(t)
  const it = await alerting(t)
  await it.channel('hook', { ...HOOK, url: hook.url })
  await it.ingest(blocking(1))
  await it.rule('over', ONE_BLOCKS)
  await hook.count(1)
  await it.call('DELETE', '/rules/over', 204)
  await hook.count(2)
  await until('both are sent', async () => (await it.notifications('?state=sent')).length === 2)
  await it.rule('firing', ONE_BLOCKS)
  await hook.count(3)
  t.equal(await it.writer.run('sweepAlerts', Date.now() + 1, 0, 1), 1, 'a few at a time')
  while ((await it.writer.run('sweepAlerts', Date.now() + 1, 0, 1)) > 0);
  t.match(await it.alerts(), [{ rule: 'firing' }])
  t.equal((await it.notifications('?state=sent')).length <= 1, true)
})

t.test('what is over is deleted so many at a time', async (t) => {
  const { sql, writer } = await alerting(t, { ALERT_INTERVAL_S: '3600' })
  const now = Date.now()
  for (let n = 1; n <= 25; n++) {
    await sql("INSERT INTO alert_samples (at, instance, sample) VALUES (?, ?, '{}')", now + n, 'one')
    await sql(
      `INSERT INTO alert_silences (tenantId, id, startsAt, endsAt, reason, createdBy, createdAt, updatedAt)
       VALUES ('default', ?, 0, ?, '', '', 0, 0)`,
      ...[`of ${n}`, now + n],
    )
  }
  const left = async (table: string) => Number((await sql<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n)
  for (const [deleted, rest] of [
    [10, 15],
    [10, 5],
    [5, 0],
  ]) {
    t.equal(await writer.run('sweepAlerts', now + 100, now + 100, 10), deleted)
    t.same([await left('alert_silences'), await left("alert_samples WHERE instance = 'one'")], [rest, rest])
  }
})

import { until } from '#shared/test/until.ts'
import { renameSync } from 'node:fs'
import t from 'tap'
import { SQLITE_ONLY } from '../test/collector.ts'
import { bucketOf, noTraffic, quantileOf, sumOf, type Sample } from './measure/sample.ts'
import { alerting, bodyOf, SECRET, type HookBody } from './test/collector.ts'
import { receiver } from './test/receiver.ts'

t.test('reports that are refused, and requests that take long, are seen in what the process counted', async (t) => {
  const it = await alerting(t)
  await it.rule('refused', { kind: 'error_rate', level: 'error', of: 'ingest', percent: 50, least: 4, window: '1m' })
  await it.rule('failing', { kind: 'error_rate', level: 'error', percent: 1, least: 1, window: '1m' })
  await it.rule('slow', { kind: 'latency', level: 'error', of: 'ingest', p99Ms: 0.01, least: 4, window: '1m' })
  await it.rule('not-slow', { kind: 'latency', level: 'error', p99Ms: 600_000, least: 1, window: '1m' })
  for (let i = 0; i < 2; i++) {
    await it.ingest({ status: { i } })
    t.equal((await it.ask('/ingest/qc', { method: 'POST', payload: {} })).statusCode, 400)
  }
  t.match(await it.alert('firing', 'refused'), {
    summary: '50% errors of ingest in the last minute (2 of 4, limit: 50%)',
  })
  t.match(await it.alert('firing', 'slow'), {
    summary: /^p99 of ingest is [\d.]+ ms in the last minute \(4 requests/,
  })
  t.same(await it.alerts('?rule=failing'), [], 'nothing failed here')
  t.same(await it.alerts('?rule=not-slow'), [])
})

t.test('of a batch its reports count', async (t) => {
  const it = await alerting(t)
  const payload = [{ status: { a: 1 } }, { status: { a: 2 } }, { no: 'status' }, 7]
  const send = () => it.ask('/ingest/qc/batch', { method: 'POST', payload })
  t.equal((await send()).statusCode, 200)
  await it.looks()
  await it.rule('refused', { kind: 'error_rate', level: 'error', of: 'ingest', percent: 50, least: 4, window: '1m' })
  await it.looks()
  t.same(await it.alerts(), [], 'what was before the rule does not count')
  await send()
  t.match(await it.alert('firing', 'refused'), { summary: /^50% errors of ingest in the last minute \(2 of 4/ })
})

t.test('what a quota refuses is told', async (t) => {
  const it = await alerting(t, { QUOTA_REPORTS_PER_MINUTE: '1' })
  await it.rule('limited', { kind: 'rate_limited', level: 'info' })
  await it.ingest()
  await until('a refusal', async () => {
    const { statusCode } = await it.ask('/ingest/qc', { method: 'POST', payload: { status: { n: Math.random() } } })
    return statusCode === 429
  })
  t.match(await it.alert('firing', 'limited'), { labels: { quota: 'reportsPerMinute' } })
})

t.test('a disk, a queue and a storage that fill up are told one by one', async (t) => {
  const it = await alerting(t, { QUOTA_STORAGE_BYTES: '1024' })
  await it.ingest({ status: {}, raw: 'x'.repeat(950) })
  await it.rule('room', {
    kind: 'capacity',
    level: 'error',
    diskFreePercent: 100,
    queuePercent: 100,
    storagePercent: 90,
  })
  const alerts = await until('two alerts', async () => {
    const found = await it.alerts('?state=firing')
    return found.length === 2 && found
  })
  const about = alerts.map(({ labels }) => labels.resource).sort()
  t.same(about, ['disk', 'storage'])
  t.match(alerts.find(({ labels }) => labels.resource === 'disk')?.summary, /^\d+(\.\d)?% of the disk is free/)
  t.match(alerts.find(({ labels }) => labels.resource === 'storage')?.labels, { tenant: 'default' })
  await it.call('PUT', '/rules/room', 200, { payload: { kind: 'capacity', level: 'error', storagePercent: 90 } })
  await until('the disk is not watched any more', async () => (await it.alerts('?state=resolved')).length === 1)
})

t.test('samples of all replicas count together', async (t) => {
  const it = await alerting(t)
  await it.rule('limited', { kind: 'rate_limited', level: 'info', count: 3, window: '5m' })
  const sample = (limited: Record<string, number>): Sample => ({
    ...{ requests: noTraffic(), ingest: noTraffic(), queue: 0, diskFree: null },
    limited,
  })
  const add = (instance: string, limited: Record<string, number>, at = Date.now()) =>
    it.writer.run('addAlertSample', at, instance, JSON.stringify(sample(limited)))
  await add('a', { 'default reportsPerDay': 2, 'teamA reportsPerDay': 9 })
  await add('old', { 'default reportsPerDay': 9 }, Date.now() - 600_000)
  await it.looks()
  t.same(await it.alerts(), [])
  await add('b', { 'default reportsPerDay': 1, 'default bytesPerDay': 1 })
  t.match(await it.alert('firing'), {
    labels: { quota: 'reportsPerDay' },
    summary: '3 requests were refused over the quota reportsPerDay in the last 5 minutes',
  })
  t.equal((await it.alerts()).length, 1)
})

t.test('a database that is lost is told at once, noted when it is back, and over then', SQLITE_ONLY, async (t) => {
  const hook = await receiver(t)
  const away = await receiver(t)
  await away.close()
  const it = await alerting(t)
  const file = `${it.dataDir}/collector.db`
  await it.channel('hook', { kind: 'webhook', url: hook.url, secret: SECRET })
  await it.channel('away', { kind: 'webhook', url: away.url, secret: SECRET })
  await it.channel('quiet', { kind: 'webhook', url: hook.url, secret: SECRET, levels: ['info'] })
  await it.rule('lost', { kind: 'database_lost', level: 'critical', for: '10ms' })
  await it.looks()
  t.same(await it.alerts(), [])

  await it.health.check()
  renameSync(file, `${file}.away`)
  await it.health.check()
  const told = await hook.count(1)
  const { id } = (told.body as { data: { alerts: { id: string }[] } }).data.alerts[0] as { id: string }
  t.match(told.body, { type: 'alert.firing', data: { alerts: [{ rule: 'lost', kind: 'database_lost' }] } })
  t.equal((await it.ask('/ingest/qc', { method: 'POST', payload: { status: {} } })).statusCode, 503)
  await it.looks()
  t.equal(hook.received.length, 1, 'once')

  renameSync(`${file}.away`, file)
  await it.health.check()
  t.match((await hook.count(2)).body, { type: 'alert.resolved', data: { alerts: [{ id }] } })
  t.match(await it.alert('resolved', 'lost'), { id })
  const back = await receiver(t, { port: away.port })
  await back.count(2)
  t.same(
    back.received.map(({ body }) => body.type),
    ['alert.firing', 'alert.resolved'],
    'what could not be told then is told in its order',
  )
  const { notifications } = await it.call<{ notifications: object[] }>('GET', `/${id}`, 200)
  t.equal(notifications.length, 4)
})

t.test('a database that is lost in a maintenance window is told when that is over', SQLITE_ONLY, async (t) => {
  const hook = await receiver(t)
  const it = await alerting(t)
  const file = `${it.dataDir}/collector.db`
  await it.channel('hook', { kind: 'webhook', url: hook.url, secret: SECRET })
  await it.rule('lost', { kind: 'database_lost', level: 'critical' })
  const endsAt = Date.now() + 1500
  await it.call('POST', '/silences', 201, { payload: { endsAt, reason: 'a new disk' } })
  await it.looks()
  renameSync(file, `${file}.away`)
  await it.health.check()
  const told = await hook.count(1)
  t.ok(Date.now() >= endsAt)
  const { id } = (told.body as { data: { alerts: { id: string }[] } }).data.alerts[0] as { id: string }
  await it.looks()
  t.equal(hook.received.length, 1, 'once')
  renameSync(`${file}.away`, file)
  await it.health.check()
  t.match((await hook.count(2)).body, { type: 'alert.resolved', data: { alerts: [{ id }] } })
})

t.test('a database that is lost again while its alert still fires is told to everybody', SQLITE_ONLY, async (t) => {
  const [hook, away] = [await receiver(t), await receiver(t)]
  const it = await alerting(t)
  const file = `${it.dataDir}/collector.db`
  await it.channel('hook', { kind: 'webhook', url: hook.url, secret: SECRET })
  await it.rule('lost', { kind: 'database_lost', level: 'critical', keepFiringFor: '1h' })
  const lose = async (count: number) => {
    renameSync(file, `${file}.away`)
    await it.health.check()
    const told = await hook.count(count)
    renameSync(`${file}.away`, file)
    await it.health.check()
    return bodyOf<HookBody>(told).data.alerts[0]?.id
  }
  await it.looks()
  const first = await lose(1)
  t.match(await it.alert('firing', 'lost'), { id: first })
  await away.close()
  await it.channel('away', { kind: 'webhook', url: away.url, secret: SECRET })
  await until('a try', async () => (await it.notifications('?state=failed')).length === 1)
  // The channel may be younger than what is remembered for an outage.
  await it.looks()
  const second = await lose(2)
  await until('the second one', async () => (await it.alerts('?state=firing'))[0]?.id === second)
  t.match(await it.alerts('?state=resolved'), [{ id: first }])
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

t.test('a rule that cannot be looked at leaves its alerts as they are, and the others go on', async (t) => {
  const it = await alerting(t)
  await it.rule('silent', { kind: 'no_report', level: 'info', hours: 0.000001 })
  const { id } = await it.alert('firing', 'silent')
  await it.sql('ALTER TABLE finding_events RENAME TO away')
  await it.rule('blocks', { kind: 'block_findings', level: 'info' })
  await until('a failure', async () =>
    /collector_alert_evaluation_failures_total\{.*\} [1-9]/.test(await it.metrics.registry.metrics()),
  )
  await it.sql('ALTER TABLE away RENAME TO finding_events')
  t.match(await it.alert('firing', 'silent'), { id })
})

t.test('durations are known to a fifth, and the sums of samples are those of all requests', (t) => {
  const traffic = noTraffic()
  for (let ms = 1; ms <= 1000; ms++) {
    traffic.requests++
    traffic.durations[bucketOf(ms)] = (traffic.durations[bucketOf(ms)] ?? 0) + 1
  }
  for (const share of [0.5, 0.9, 0.99, 1]) {
    const found = quantileOf(traffic, share)
    t.ok(found >= share * 1000 && found <= share * 1000 * 1.2, `${share}: ${found}`)
  }
  t.equal(quantileOf(noTraffic(), 0.99), 0)
  const sum = sumOf([traffic, traffic])
  t.equal(sum.requests, 2000)
  t.equal(quantileOf(sum, 0.99), quantileOf(traffic, 0.99))
  t.end()
})

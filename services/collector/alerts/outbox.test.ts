import { mailbox } from '#shared/test/mailbox.ts'
import { until } from '#shared/test/until.ts'
import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { retryAfterMs } from './deliver/send.ts'
import { errorClass } from './error-class.ts'
import { backoffMs, circuitAfter } from './outbox.ts'
import { alerting, blocking, SECRET, type NotificationItem } from './test/collector.ts'
import { receiver } from './test/receiver.ts'

const BLOCKS = { kind: 'block_findings', level: 'critical', count: 1 }
const HOOK = { kind: 'webhook', secret: SECRET }
type It = Awaited<ReturnType<typeof alerting>>

const settled = (it: It, id: string, state: string) =>
  until(`a notification that is ${state}`, async () => {
    const found = await it.call<NotificationItem>('GET', `/notifications/${id}`, 200)
    return found.state === state && found
  })
const test = async (it: It, channel: string) =>
  (await it.call<{ id: string }>('POST', `/channels/${channel}/test`, 202)).id

t.test('a receiver that is away is tried again until it is back, and gets everything in its order', async (t) => {
  const first = await receiver(t)
  await first.close()
  const it = await alerting(t)
  await it.channel('hook', { ...HOOK, url: first.url })
  await it.ingest(blocking(1))
  await it.rule('blocks', BLOCKS)
  await until('some tries', async () => ((await it.notifications())[0]?.attempts ?? 0) >= 2)
  t.match(await it.notifications('?state=failed'), [{ channel: 'hook', lastError: 'ECONNREFUSED' }])
  await it.call('DELETE', '/rules/blocks', 204)
  await it.alert('resolved')
  const back = await receiver(t, { port: first.port })
  await back.count(2)
  t.same(
    back.received.map(({ body }) => body.type),
    ['alert.firing', 'alert.resolved'],
    'no end before its beginning',
  )
  await until('an empty outbox', async () => (await it.notifications('?state=sent')).length === 2)
})

t.test('a repetition has the same id, and its own time and signature', async (t) => {
  const hook = await receiver(t)
  const it = await alerting(t)
  await it.channel('hook', { ...HOOK, url: hook.url })
  hook.state.answer = (response) => response.writeHead(hook.received.length < 3 ? 500 : 204).end('broken')
  const id = await test(it, 'hook')
  t.match(await settled(it, id, 'sent'), { event: 'test', attempts: 3 })
  t.same(new Set(hook.received.map(({ headers }) => headers['webhook-id'])), new Set([id]))
  t.match(hook.received[0]?.body, { type: 'alert.test', data: { channel: 'hook', alerts: [] } })
})

t.test('a receiver that names a time is left alone until then, with everything by that channel', async (t) => {
  const hook = await receiver(t)
  const it = await alerting(t)
  await it.channel('hook', { ...HOOK, url: hook.url })
  hook.state.answer = (response) => response.writeHead(429, { 'retry-after': '3600' }).end()
  const id = await test(it, 'hook')
  t.match(await settled(it, id, 'failed'), { lastError: 'HTTP 429', attempts: 1 })
  const { channels } = await it.call<{ channels: { blockedUntil?: number }[] }>('GET', '/channels', 200)
  t.ok((channels[0]?.blockedUntil ?? 0) > Date.now() + 3_000_000)
  hook.state.answer = (response) => response.end()
  const second = await test(it, 'hook')
  await it.looks()
  t.equal(hook.received.length, 1)
  await it.call('POST', `/notifications/${id}/retry`, 202)
  await settled(it, id, 'sent')
  await settled(it, second, 'sent')

  t.equal(retryAfterMs('2', 0), 2000)
  t.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:05 GMT', 1000), 4000)
  t.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:05 GMT', 9000), 0)
  for (const field of ['soon', '-1', undefined, ['1']]) t.equal(retryAfterMs(field, 0), undefined)
})

t.test('what is refused for good is dead at once, says why, and is sent again when somebody asks for it', async (t) => {
  const hook = await receiver(t)
  const it = await alerting(t)
  await it.channel('hook', { ...HOOK, url: hook.url })
  hook.state.answer = (response) => response.writeHead(404).end('no_service')
  const id = await test(it, 'hook')
  t.match(await settled(it, id, 'dead'), { attempts: 1, lastError: 'HTTP 404: no_service' })
  hook.state.answer = (response) => response.writeHead(302, { location: 'http://10.0.0.1/' }).end()
  await it.call('POST', `/notifications/${id}/retry`, 202)
  t.match(
    await until('the second refusal', async () => {
      const found = await it.call<NotificationItem>('GET', `/notifications/${id}`, 200)
      return found.state === 'dead' && found.attempts === 2 && found
    }),
    { lastError: 'HTTP 302' },
  )
  hook.state.answer = (response) => response.end()
  await it.call('POST', `/notifications/${id}/retry`, 202)
  await settled(it, id, 'sent')
  await it.call('POST', `/notifications/${id}/retry`, 409)
  await it.call('POST', '/notifications/0190a0a0-0000-7000-8000-000000000000/retry', 404)
})

t.test('a beginning that nobody took is not told after its end', async (t) => {
  const hook = await receiver(t)
  const it = await alerting(t)
  await it.channel('hook', { ...HOOK, url: hook.url })
  hook.state.answer = (response) => response.writeHead(400).end()
  await it.ingest(blocking(1))
  await it.rule('blocks', BLOCKS)
  const [dead] = await until('a dead one', async () => {
    const found = await it.notifications('?state=dead')
    return found.length === 1 && found
  })
  await it.call('DELETE', '/rules/blocks', 204)
  await it.alert('resolved')
  await it.call('POST', `/notifications/${dead?.id}/retry`, 409)
})

t.test('what nobody takes for hours is dead', async (t) => {
  const hook = await receiver(t)
  const it = await alerting(t)
  await it.channel('hook', { ...HOOK, url: hook.url })
  hook.state.answer = (response) => response.writeHead(503).end()
  const id = await test(it, 'hook')
  await settled(it, id, 'failed')
  await it.sql('UPDATE alert_notifications SET giveUpAt = 0 WHERE id = ?', id)
  t.match(await settled(it, id, 'dead'), { lastError: 'HTTP 503' })
})

t.test('a channel that hangs holds up no other, and is left alone after some failures', async (t) => {
  const hook = await receiver(t)
  const hanging = createServer((socket) => socket.on('error', () => undefined))
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
  t.teardown(() => hanging.close())
  const it = await alerting(t, {
    OUTBOUND_TIMEOUT_MS: '150',
    ALERT_CIRCUIT_FAILURES: '2',
    ALERT_RETRY_MAX_MS: '600000',
    ALERT_SENDS_MAX: '2',
  })
  await it.channel('dead', { ...HOOK, url: `http://127.0.0.1:${(hanging.address() as AddressInfo).port}` })
  await it.channel('alive', { ...HOOK, url: hook.url })
  const stuck = await Promise.all(Array.from({ length: 4 }, () => test(it, 'dead')))
  const sent = await Promise.all(Array.from({ length: 4 }, () => test(it, 'alive')))
  for (const id of sent) await settled(it, id, 'sent')
  const failing = await until('the circuit', async () => {
    const { channels } = await it.call<{ channels: { name: string; failures: number }[] }>('GET', '/channels', 200)
    return channels.find(({ name, failures }) => name === 'dead' && failures >= 2)
  })
  t.match(failing, { failures: 2 })
  const tried = await it.notifications('?channel=dead&state=failed')
  t.match(tried[0], { lastError: 'TIMEOUT' })
  t.ok(tried.length < stuck.length, 'some were not even tried')
  await it.call('DELETE', '/channels/dead', 204)
  for (const id of stuck) t.match(await settled(it, id, 'dead'), { lastError: 'the channel was deleted' })
  await it.call('POST', `/notifications/${stuck[0]}/retry`, 409)
})

t.test('an address that is not public is refused when it is given, and when its name leads there later', async (t) => {
  const it = await alerting(t, { OUTBOUND_ALLOW: '' })
  for (const url of ['http://127.0.0.1:1/', 'https://10.0.0.1/', 'https://[::1]/', 'http://hooks.example/']) {
    const answer = await it.call('PUT', '/channels/a', 400, { payload: { ...HOOK, url } })
    t.match(answer, { errors: [{ field: 'url' }] }, url)
  }
  await it.channel('local', { ...HOOK, url: 'https://localhost/hooks/secret-path' })
  await it.channel('nobody', { ...HOOK, url: 'https://nobody.invalid/hooks/secret-path' })
  for (const name of ['local', 'nobody']) {
    const failed = await settled(it, await test(it, name), 'failed')
    t.match(failed, { lastError: /^UNREACHABLE: the name has no address that may be asked/ }, name)
    t.notMatch(JSON.stringify(failed), 'secret-path')
  }
})

t.test('who does not administrate the tenant sees of an error its kind, and no word of the other side', async (t) => {
  const [hook, gone] = [await receiver(t), await receiver(t)]
  hook.state.answer = (response) => response.writeHead(404).end('root:x:0:0')
  await gone.close()
  const it = await alerting(t, {
    API_KEYS: 'default:collector-key:admin,default:viewer-key:viewer,default:operator-key:operator',
  })
  await it.channel('hook', { ...HOOK, url: hook.url })
  await it.channel('gone', { ...HOOK, url: gone.url })
  await it.channel('nobody', { ...HOOK, url: 'https://nobody.invalid/' })
  for (const [name, state, whole, kind] of [
    ['hook', 'dead', 'HTTP 404: root:x:0:0', 'status 404'],
    ['gone', 'failed', 'ECONNREFUSED', 'refused'],
    ['nobody', 'failed', /^UNREACHABLE/, 'unreachable'],
  ] as const) {
    const id = await test(it, name)
    t.match(await settled(it, id, state), { lastError: whole }, name)
    const viewer = { headers: { 'x-api-key': 'viewer-key' } }
    const one = await it.call('GET', `/notifications/${id}`, 200, viewer)
    t.match(one, { lastError: kind }, `${name} for a viewer`)
    const listed = await it.call('GET', `/notifications?channel=${name}`, 200, viewer)
    t.match(listed, { notifications: [{ lastError: kind }] })
    const operator = { headers: { 'x-api-key': 'operator-key' } }
    t.match(await it.call('POST', `/notifications/${id}/retry`, 202, operator), { lastError: kind })
  }
})

t.test('what is told of an error is its kind, whatever it was, and what is of our own making stays', async (t) => {
  for (const [error, kind] of [
    ['HTTP 500: Internal secret', 'status 500'],
    ['SMTP 550 EENVELOPE', 'status 550'],
    ['SMTP ETIMEDOUT', 'timeout'],
    ['TIMEOUT', 'timeout'],
    ['ECONNRESET', 'refused'],
    ['SMTP ECONNREFUSED', 'refused'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ENOTFOUND', 'unreachable'],
    ['db.internal is not on the public internet (see OUTBOUND_ALLOW)', 'unreachable'],
    ['hooks.example is not asked at port 22 (see OUTBOUND_ALLOW)', 'not allowed'],
    ['CERT_HAS_EXPIRED', 'failed'],
    ['SealRefused', 'failed'],
    ['the channel was deleted', 'the channel was deleted'],
  ] as const) {
    t.equal(errorClass(error), kind, error)
  }
})

t.test('a mail that its server refuses for good is dead, one that it refuses now is sent later', async (t) => {
  const box = await mailbox(t)
  const it = await alerting(t, { SMTP_URL: `smtp://127.0.0.1:${box.port}` })
  await it.channel('mail', { kind: 'email', to: ['ops@example.com'], language: 'en' })
  box.state.refusal = 550
  t.match(await settled(it, await test(it, 'mail'), 'dead'), { lastError: 'SMTP 550 EENVELOPE' })
  box.state.refusal = 451
  const id = await test(it, 'mail')
  await settled(it, id, 'failed')
  box.state.refusal = undefined
  await settled(it, id, 'sent')
  const mail = await box.next('ops@example.com')
  t.equal(mail.subject, '[Najimban] This is a test: alerts reach this channel.')
  t.equal(mail.messageId, `<${id}@najimban.example>`)
})

t.test('a restart goes on with what was not sent', async (t) => {
  const hook = await receiver(t)
  hook.state.answer = (response) => response.writeHead(503).end()
  const before = await alerting(t, { ALERT_RETRY_MS: '100', ALERT_RETRY_MAX_MS: '100' })
  await before.channel('hook', { ...HOOK, url: hook.url })
  await before.ingest(blocking(1))
  await before.rule('blocks', BLOCKS)
  await hook.count(1)
  await before.close()
  const tries = hook.received.length
  hook.state.answer = (response) => response.end()
  const after = await alerting(t, { DATA_DIR: before.dataDir })
  await hook.count(tries + 1)
  const firing = await after.alert('firing')
  t.match(hook.received.at(-1)?.body, { type: 'alert.firing', data: { alerts: [{ id: firing.id }] } })
  await until('it is sent', async () => (await after.notifications('?state=sent')).length === 1)
  await after.looks()
  t.equal((await after.alerts()).length, 1, 'the same alert')
  t.equal(hook.received.length, tries + 1)
})

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
  for (const name of ['a', 'b', 'c']) await it.rule(name, BLOCKS)
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
  await it.rule('over', BLOCKS)
  await hook.count(1)
  await it.call('DELETE', '/rules/over', 204)
  await hook.count(2)
  await until('both are sent', async () => (await it.notifications('?state=sent')).length === 2)
  await it.rule('firing', BLOCKS)
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

t.test('waits grow with the tries, at random up to their bound; a channel rests longer with each failure', (t) => {
  const config = { ALERT_RETRY_MS: 100, ALERT_RETRY_MAX_MS: 1000, ALERT_CIRCUIT_FAILURES: 3, OUTBOUND_TIMEOUT_MS: 1 }
  for (const [failures, bound] of [
    [1, 100],
    [2, 200],
    [4, 800],
    [5, 1000],
    [5000, 1000],
  ] as const) {
    const waits = Array.from({ length: 200 }, () => backoffMs(failures, config))
    t.ok(Math.max(...waits) <= bound && Math.min(...waits) >= 0)
    t.ok(new Set(waits).size > 20, 'at random')
  }
  const failed = { result: 'failed', error: 'x' } as const
  let circuit = { failures: 0, blockedUntil: 0 }
  const rests = Array.from({ length: 7 }, () => (circuit = circuitAfter(circuit, failed, 0, config)).blockedUntil)
  t.same(rests, [0, 0, 100, 200, 400, 800, 1000])
  t.same(circuitAfter(circuit, { result: 'sent' }, 0, config), { failures: 0, blockedUntil: 0 })
  const asked = circuitAfter(circuit, { ...failed, retryAfterMs: 9e9 }, 0, config)
  t.equal(asked.blockedUntil, 3_600_000, 'an hour is the most that is believed')
  t.end()
})

import { until } from '#shared/test/until.ts'
import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { retryAfterMs } from './deliver/send.ts'
import { backoffMs, circuitAfter } from './outbox.ts'
import { alerting, blocking, type NotificationItem } from './test/collector.ts'
import { receiver } from './test/receiver.ts'
import { ONE_BLOCKS, HOOK, settled, test } from './test/sending.ts'

t.test('a receiver that is away is tried again until it is back, and gets everything in its order', async (t) => {
  const first = await receiver(t)
  await first.close()
  const it = await alerting(t)
  await it.channel('hook', { ...HOOK, url: first.url })
  await it.ingest(blocking(1))
  await it.rule('blocks', ONE_BLOCKS)
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
  await it.rule('blocks', ONE_BLOCKS)
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

t.test('a restart goes on with what was not sent', async (t) => {
  const hook = await receiver(t)
  hook.state.answer = (response) => response.writeHead(503).end()
  const before = await alerting(t, { ALERT_RETRY_MS: '100', ALERT_RETRY_MAX_MS: '100' })
  await before.channel('hook', { ...HOOK, url: hook.url })
  await before.ingest(blocking(1))
  await before.rule('blocks', ONE_BLOCKS)
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

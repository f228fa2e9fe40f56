import { mailbox } from '#shared/test/mailbox.ts'
import t from 'tap'
import { errorClass } from './error-class.ts'
import { alerting } from './test/collector.ts'
import { receiver } from './test/receiver.ts'
import { HOOK, settled, test } from './test/sending.ts'

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

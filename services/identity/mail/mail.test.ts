import type Joi from 'joi'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import path from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { asOwner } from '#shared/scope.ts'
import { until } from '#shared/test/until.ts'
import { identity, type Identity } from '../test/identity.ts'
import { mailbox } from '#shared/test/mailbox.ts'
import { composeMail } from './message.ts'
import { SECURITY_EVENTS, type MailRequest } from './request.ts'
import { mailSettings } from './settings.ts'

const forgot = ({ call }: Identity, email: string) => call('POST', '/api/auth/password/forgot', { body: { email } })
const waiting = ({ db }: Identity): number =>
  db.prepare<[], number>('SELECT count(*) FROM mail_outbox').pluck().get() ?? -1
const empty = (service: Identity) => until('an empty outbox', () => waiting(service) === 0)

async function withMail(t: Test, env: Record<string, string> = {}) {
  const box = await mailbox(t)
  return { box, service: await identity(t, { ...box.env, ...env }) }
}

t.test('a mail has both forms, its sender, a link to this installation, and asks for no answer', async (t) => {
  const { box, service } = await withMail(t, { MAIL_FROM: '나침반 <compass@najimban.example>' })
  const person = await service.signedUp()
  await forgot(service, person.email)
  const mail = await box.next(person.email)
  t.same(mail.recipients, [person.email])
  t.match(mail.from, { name: '나침반', address: 'compass@najimban.example' })
  t.match(mail.to, [{ address: person.email }])
  t.equal(mail.subject, '[나침반] 비밀번호 재설정')
  const [link = ''] = /https:\S+/.exec(mail.text as string) ?? []
  t.match(link, /^https:\/\/najimban\.example\/account\/reset\?token=[\w-]{43}$/)
  t.match(mail.html, `href="${link}"`)
  t.match(mail.text, '1시간 동안')
  t.notMatch(mail.html, /<img|<script|src=/, 'nothing is loaded')
  t.match(mail.raw, /^auto-submitted: auto-generated/im)
  t.notMatch(mail.raw, person.name, 'nothing that somebody typed')
})

t.test('a mail is in the language of its reader', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  service.accounts.update(person.user, { locale: 'en-GB' })
  await forgot(service, person.email)
  t.match(await box.next(person.email), { subject: '[Najimban] Reset your password', text: /good for 1 hour, once/ })
})

t.test('every mail there is can be written in both languages', async (t) => {
  const account = asOwner('a')
  const requests = (
    [
      'verify-email',
      'set-password',
      'address-known',
      'approved',
      'address-changing',
      'invitation',
      'confirm-address',
    ] as const
  ).map((template) => ({ template, account, to: 'a@example.com', locale: 'x' }) as MailRequest)
  const notes = SECURITY_EVENTS.map(
    (event) => ({ template: 'security-note', event, to: 'a@b.c', locale: 'x' }) as const,
  )
  const seen = new Set<string>()
  for (const request of [...requests, ...notes]) {
    for (const locale of ['ko', 'en']) {
      const link = { url: 'https://n.example/?token=x', ttl_s: 7200 }
      const { subject, text, html } = composeMail(request, { locale, link }, 'https://n.example')
      t.match(subject, /^\[[^\]]+\] \S/)
      t.match(text, 'n.example')
      t.notMatch(text + html, /undefined|\[object/)
      t.equal(/[가-힣]/.test(text), locale === 'ko')
      seen.add(text)
    }
  }
  t.equal(seen.size, 2 * (requests.length + notes.length))
})

t.test('what a server does not take now is sent later, with a link that is good', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  box.state.refusal = 451
  await forgot(service, person.email)
  await until('some tries', () => box.state.tries >= 3)
  t.equal(waiting(service), 1)
  box.state.refusal = undefined
  const token = await box.token(person.email)
  const body = { token, password: 'a good new password' }
  t.equal((await service.call('POST', '/api/auth/password/reset', { body })).status, 204)
  const metrics = await service.metrics.registry.metrics()
  t.match(metrics, /identity_mails_total\{template="set-password",result="failed".*\} [2-9]/)
  t.match(metrics, /identity_mails_total\{template="set-password",result="sent".*\} 1/)
})

t.test('an address that its server refuses for good is tried once; the log names no address', async (t) => {
  const logs = path.join(t.testdir({}), 'logs')
  const { box, service } = await withMail(t, { LOG_DIR: logs, LOG_LEVEL: 'warn' })
  const person = await service.signedUp()
  box.state.refusal = 550
  await forgot(service, person.email)
  await empty(service)
  t.equal(box.state.tries, 1)
  await service.close()
  const log = await until('the log', () => {
    const text = readFileSync(path.join(logs, 'identity.log'), 'utf8')
    return text.includes('a mail is given up') ? text : undefined
  })
  t.match(log, /"reply":550/)
  t.notMatch(log, person.email)
})

t.test('a mail that nobody takes is given up after its hours', async (t) => {
  const { box, service } = await withMail(t, { MAIL_RETRY_HOURS: '1' })
  const person = await service.signedUp()
  box.state.refusal = 451
  await forgot(service, person.email)
  await until('a try', () => box.state.tries > 0)
  service.db.prepare('UPDATE mail_outbox SET created = 0').run()
  await empty(service)
  t.same(box.mails, [])
})

t.test('a mail that was promised is sent after a restart, by whichever process comes then', async (t) => {
  const box = await mailbox(t)
  await box.close()
  const first = await identity(t, { ...box.env, MAIL_RETRY_MS: '60000' })
  const person = await first.signedUp()
  t.equal((await forgot(first, person.email)).status, 202)
  t.equal(waiting(first), 1)
  await first.close()
  const revived = await mailbox(t, { port: box.port })
  const env = { ...revived.env, DATA_DIR: first.dataDir }
  const second = await identity(t, env)
  second.db.prepare('UPDATE mail_outbox SET next = 0').run()
  await second.close()
  const third = await identity(t, env)
  await revived.next(person.email)
  await empty(third)
})

t.test('no request waits for a mail server that hangs; a stop cuts it off and the mail is sent later', async (t) => {
  const box = await mailbox(t)
  let connections = 0
  const hanging = createServer(() => connections++)
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
  t.teardown(() => hanging.close())
  const { port } = hanging.address() as AddressInfo
  const slow = await identity(t, { ...box.env, SMTP_URL: `smtp://127.0.0.1:${port}` })
  const person = await slow.signedUp()
  t.equal((await forgot(slow, person.email)).status, 202)
  await until('a connection', () => connections > 0)
  t.equal((await slow.call('POST', '/api/auth/login', { body: person })).status, 200, 'others go on')
  t.equal(waiting(slow), 1)
  await slow.close()
  const again = await identity(t, { ...box.env, DATA_DIR: slow.dataDir })
  await box.next(person.email)
  await empty(again)
})

t.test(
  'who a waiting mail goes to cannot be read in the file; one that does not open keeps no other one back',
  async (t) => {
    const { box, service } = await withMail(t, { MAIL_RETRY_MS: '100000' })
    const person = await service.signedUp()
    box.state.refusal = 451
    await forgot(service, person.email)
    const stored = service.db.prepare<[], string>('SELECT CAST(content_sealed AS TEXT) FROM mail_outbox').pluck().get()
    t.notMatch(stored, person.email)
    box.state.refusal = undefined
    service.db.prepare("UPDATE mail_outbox SET content_sealed = x'00', next = 0").run()
    const other = await service.signedUp()
    await forgot(service, other.email)
    await box.next(other.email)
    await until('what was sent is taken out', () => waiting(service) === 1)
    service.db.prepare('UPDATE mail_outbox SET created = 0, next = 0').run()
    await forgot(service, 'nobody@example.com')
    await empty(service)
  },
)

t.test('no more mails wait than MAIL_QUEUE_MAX', async (t) => {
  const { box, service } = await withMail(t, { MAIL_QUEUE_MAX: '1', MAIL_RETRY_MS: '100000' })
  box.state.refusal = 451
  const person = await service.signedUp()
  t.equal((await forgot(service, person.email)).status, 202)
  const refused = await forgot(service, person.email)
  t.equal(refused.status, 503)
  t.equal(refused.headers['retry-after'], '60')
})

t.test('an account that is gone when its mail is about to be sent gets none', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  box.state.refusal = 451
  await forgot(service, person.email)
  await until('a try', () => box.state.tries > 0)
  service.accounts.remove(person.user)
  box.state.refusal = undefined
  await empty(service)
  t.same(box.mails, [])
})

t.test('an address cannot bring header fields or other recipients in', async (t) => {
  const { box, service } = await withMail(t)
  for (const email of [
    'a@example.com\r\nBcc: b@example.com',
    'a@example.com, b@example.com',
    '<a@example.com>',
    '"a\r\nX: y"@example.com',
  ]) {
    t.equal((await forgot(service, email)).status, 400, email)
  }
  const odd = "o'neil+tag{x}@example.com"
  await service.signedUp({ email: odd })
  await forgot(service, odd)
  const mail = await box.next(odd)
  t.same(mail.recipients, [odd])
  t.notOk(mail.headers.some(({ key }) => key === 'bcc' || key === 'cc'))
  t.same(
    mail.to?.map(({ address }) => address),
    [odd],
  )
})

t.test('many mails go out over several connections', async (t) => {
  const { box, service } = await withMail(t, { MAIL_CONNECTIONS_MAX: '3', MAIL_PER_NETWORK_HOUR: '1000' })
  const people = []
  for (let i = 0; i < 12; i++) {
    people.push(
      service.accounts.insert({
        email: `p${i}@example.com`,
        name: 'P',
        locale: 'en',
        time_zone: 'UTC',
        password_hash: null,
      }),
    )
  }
  await Promise.all(people.map(({ email }) => forgot(service, email)))
  for (const { email } of people) t.same((await box.next(email)).recipients, [email])
})

t.test('settings of mail that cannot work are refused by name', async (t) => {
  const { SMTP_URL, MAIL_FROM } = mailSettings as unknown as Record<string, Joi.Schema>
  for (const url of ['http://a', 'localhost:25', 'smtp://']) t.ok(SMTP_URL?.validate(url).error, url)
  for (const url of [
    'smtp://localhost:25',
    'smtps://name:p%40ss@mail.example:465',
    'smtp://m.example:587?requireTLS=false',
  ])
    t.notOk(SMTP_URL?.validate(url).error, url)
  for (const from of ['nobody', 'a@b\r\nBcc: c@d', 'A <a>', '<a@b> <c@d>']) t.ok(MAIL_FROM?.validate(from).error, from)
  for (const from of ['a@b', '나침반 <a@b.example>']) t.notOk(MAIL_FROM?.validate(from).error, from)
})

t.test('a database that does not answer for a while holds mails up and loses none', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  await forgot(service, person.email)
  service.db.exec('ALTER TABLE mail_outbox RENAME TO away')
  await new Promise((resolve) => setTimeout(resolve, 300))
  service.db.exec('ALTER TABLE away RENAME TO mail_outbox')
  await box.next(person.email)
  await empty(service)
})

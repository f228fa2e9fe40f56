import { randomBytes } from 'node:crypto'
import t from 'tap'
import { readConfig } from '#shared/config.ts'
import { settings } from '../../config.ts'
import type { Mailbox } from '#shared/test/mailbox.ts'
import { identity, type Asked, type Identity } from '../../test/identity.ts'
import { mailbox } from '#shared/test/mailbox.ts'
import { createStrangerLimits } from '../limits.ts'
import type { AccountView } from '../view.ts'

const PASSWORD = '긴 비밀번호 하나 42'
const PERSON = { email: 'Kim@Example.com', password: PASSWORD, name: '김나침' }

const signup = ({ call }: Identity, body: object = PERSON, asked: Asked = {}) =>
  call('POST', '/api/auth/signup', { body: { ...PERSON, ...body }, ...asked })
const login = ({ call }: Identity, email: string, password = PASSWORD) =>
  call('POST', '/api/auth/login', { body: { email, password } })
const verify = ({ call }: Identity, token: string) => call('POST', '/api/auth/verify-email', { body: { token } })

async function withMail(t: Parameters<typeof mailbox>[0], env: Record<string, string> = {}) {
  const box = await mailbox(t)
  return { box, service: await identity(t, { ...box.env, ...env }) }
}

const quiet = (box: Mailbox) => new Promise((resolve) => setTimeout(resolve, 200)).then(() => box.mails)

t.test('without mail an account can be signed in to at once, as a viewer of the default tenant', async (t) => {
  const service = await identity(t)
  const made = await signup(service, {
    time_zone: 'asia/tokyo',
    locale: 'EN-gb',
    role: 'admin',
    state: 'x',
    tenant: 'b',
  })
  t.equal(made.status, 201)
  const view = made.json<AccountView>()
  t.match(view, {
    email: 'kim@example.com',
    name: '김나침',
    state: 'approved',
    email_verified: false,
    locale: 'en-GB',
    time_zone: 'Asia/Tokyo',
    tenants: [{ tenant: 'default', role: 'viewer' }],
  })
  t.notMatch(made.text, /argon2|password_hash/)
  t.equal((await login(service, ' KIM@example.com')).status, 200)
  const again = await signup(service, { email: 'kim@EXAMPLE.com' })
  t.equal(again.status, 409)
  t.match(again.json(), { errors: [{ field: 'email' }] })
})

t.test('a password that is tried first, a bad address, zone, language or name is refused by field', async (t) => {
  const service = await identity(t)
  for (const [body, field] of [
    [{ password: 'password' }, 'password'],
    [{ password: 'kim@example.com' }, 'password'],
    [{ password: 'short' }, 'password'],
    [{ email: 'nobody' }, 'email'],
    [{ email: 'a@b' }, 'email'],
    [{ email: 'a@example.com\r\nBcc: b@example.com' }, 'email'],
    [{ email: `${'a'.repeat(65)}@example.com` }, 'email'],
    [{ email: 'Kim <a@example.com>' }, 'email'],
    [{ email: 'a@example.com,b@example.com' }, 'email'],
    [{ time_zone: 'Mars/Base' }, 'time_zone'],
    [{ locale: '-' }, 'locale'],
    [{ name: ' ' }, 'name'],
    [{ name: 'a\nb' }, 'name'],
    [{ name: 'a'.repeat(101) }, 'name'],
  ] as const) {
    const answer = await signup(service, body)
    t.equal(answer.status, 400, JSON.stringify(body))
    t.match(answer.json(), { errors: [{ field }] }, JSON.stringify(body))
  }
})

t.test('with mail the answer is the same for a known address, and its owner hears of it', async (t) => {
  const { box, service } = await withMail(t)
  const known = await service.signedUp({ email: 'known@example.com' })
  const fresh = await signup(service, { email: 'new@example.com' })
  const taken = await signup(service, { email: 'KNOWN@example.com' })
  t.equal(fresh.status, 202)
  t.equal(taken.status, 202)
  t.equal(taken.text, fresh.text)
  t.same(Object.keys(taken.headers).sort(), Object.keys(fresh.headers).sort())
  t.match((await box.next('known@example.com')).text, '이미 있습니다')
  t.equal((await login(service, known.email, known.password)).status, 200, 'the account is what it was')
  t.equal((await login(service, known.email)).status, 401)
})

t.test('with mail nobody signs in before the link was used, and it is good once', async (t) => {
  const { box, service } = await withMail(t)
  await signup(service)
  const refused = await login(service, 'kim@example.com')
  t.equal(refused.status, 403)
  t.match(refused.json(), { state: 'pending', awaits: ['email'], detail: /confirm the e-mail address/ })
  const token = await box.token('kim@example.com')
  const confirmed = await verify(service, token)
  t.equal(confirmed.status, 200)
  t.match(confirmed.json(), { state: 'approved', email_verified: true, awaits: [] })
  t.equal((await login(service, 'kim@example.com')).status, 200)
  const again = await verify(service, token)
  t.equal(again.status, 400)
  t.match(again.json(), { errors: [{ field: 'token' }] })
  for (const bad of ['', 'x', 'x'.repeat(43), `${token}A`]) t.equal((await verify(service, bad)).status, 400, bad)
})

t.test('an account that somebody else began for my address does not open with their password', async (t) => {
  const { box, service } = await withMail(t)
  const mine = { email: 'mine@example.com' }
  await signup(service, { ...mine, password: 'the password of a stranger', name: 'stranger' })
  const theirs = await box.token(mine.email)
  t.equal((await signup(service, mine)).status, 202)
  t.equal((await verify(service, theirs)).status, 400, 'the link of the stranger is void')
  t.match((await verify(service, await box.token(mine.email))).json(), { name: PERSON.name })
  t.equal((await login(service, mine.email, 'the password of a stranger')).status, 401)
  t.equal((await login(service, mine.email)).status, 200)
})

t.test('by approval an account waits for an administrator and, where there is mail, for its link', async (t) => {
  const { box, service } = await withMail(t, { SIGNUP: 'approval' })
  const admin = await service.signedUp({ role: 'admin' })
  await signup(service)
  t.match((await verify(service, await box.token('kim@example.com'))).json(), {
    state: 'pending',
    awaits: ['approval'],
  })
  t.equal((await login(service, 'kim@example.com')).status, 403)
  const { id } = service.accounts.byEmail('kim@example.com') as { id: string }
  const approved = await service.call('POST', `/api/admin/accounts/${id}/approve`, { as: admin })
  t.match(approved.json(), { state: 'approved', awaits: [] })
  t.match((await box.next('kim@example.com')).subject, '승인')
  t.equal((await login(service, 'kim@example.com')).status, 200)
})

t.test('an administrator who is faster than the mail does not confirm the address', async (t) => {
  const { box, service } = await withMail(t, { SIGNUP: 'approval' })
  const admin = await service.signedUp({ role: 'admin' })
  await signup(service)
  const { id } = service.accounts.byEmail('kim@example.com') as { id: string }
  const approved = await service.call('POST', `/api/admin/accounts/${id}/approve`, { as: admin })
  t.match(approved.json(), { state: 'pending', awaits: ['email'] })
  t.match((await verify(service, await box.token('kim@example.com'))).json(), { state: 'approved' })
})

t.test('production asks an administrator unless it says otherwise; closed is closed', async (t) => {
  const ENCRYPTION_KEYS = `k:${randomBytes(32).toString('base64')}`
  const secrets = { INTERNAL_SECRET: randomBytes(32).toString('base64'), ENCRYPTION_KEYS }
  t.equal(readConfig(settings, { NODE_ENV: 'production', ...secrets }).SIGNUP, 'approval')
  t.equal(readConfig(settings, { NODE_ENV: 'production', SIGNUP: 'open', ...secrets }).SIGNUP, 'open')
  const closed = await identity(t, { SIGNUP: 'closed' })
  t.equal((await signup(closed)).status, 403)
  const approval = await identity(t, { SIGNUP: 'approval' })
  const made = await signup(approval)
  t.equal(made.status, 201)
  t.match(made.json(), { state: 'pending', awaits: ['approval'] })
  const waits = await login(approval, 'kim@example.com')
  t.equal(waits.status, 403)
  t.match(waits.json(), { awaits: ['approval'], detail: 'This account is not approved yet: wait for an administrator' })
})

t.test('the mail that confirms is sent again to who needs it and to nobody else, with one answer', async (t) => {
  const { box, service } = await withMail(t)
  await service.signedUp({ email: 'known@example.com' })
  await signup(service, { email: 'new@example.com' })
  const first = await box.token('new@example.com')
  const send = (email: string) => service.call('POST', '/api/auth/verify-email/send', { body: { email } })
  const answers = await Promise.all(['known@example.com', 'nobody@example.com', 'new@example.com'].map(send))
  for (const { status, text } of answers) t.same([status, text], [202, answers[0]?.text])
  const second = await box.token('new@example.com')
  t.equal((await verify(service, first)).status, 400, 'the newer link is the good one')
  t.equal((await verify(service, second)).status, 200)
  t.same(await quiet(box), [], 'nobody else got one')
})

t.test('one address gets so many mails in an hour and no more, and the answer does not tell', async (t) => {
  const { box, service } = await withMail(t, { MAIL_PER_ADDRESS_HOUR: '2' })
  await service.signedUp({ email: 'known@example.com' })
  for (let i = 0; i < 4; i++) t.equal((await signup(service, { email: 'known@example.com' })).status, 202)
  await box.next('known@example.com')
  await box.next('known@example.com')
  t.same(await quiet(box), [])
})

t.test('one network gets 429 for too many mails or accounts, another one goes on', async (t) => {
  const { service } = await withMail(t, { MAIL_PER_NETWORK_HOUR: '2', SIGNUPS_PER_NETWORK_HOUR: '1' })
  const send = (ip: string) =>
    service.call('POST', '/api/auth/verify-email/send', { body: { email: 'x@example.com' }, as: { ip } })
  t.equal((await send('2001:db8::1')).status, 202)
  t.equal((await send('2001:db8::2')).status, 202)
  const third = await send('2001:db8::3')
  t.equal(third.status, 429)
  t.equal(third.headers['retry-after'], '3600')
  t.equal((await send('2001:db8:0:1::1')).status, 202)
  t.equal((await signup(service, { email: 'a@example.com' }, { as: { ip: '192.0.2.1' } })).status, 202)
  t.equal((await signup(service, { email: 'b@example.com' }, { as: { ip: '192.0.2.1' } })).status, 429)
  t.equal((await signup(service, { email: 'c@example.com' }, { as: { ip: '192.0.2.2' } })).status, 202)
})

t.test('counts are over after their hour, and accounts that nobody confirmed after their days', async (t) => {
  const { service } = await withMail(t, { SIGNUPS_PER_NETWORK_HOUR: '1', UNVERIFIED_TTL_DAYS: '1' })
  const { db, accounts } = service
  t.equal((await signup(service)).status, 202)
  t.equal((await signup(service)).status, 429)
  const limits = createStrangerLimits(db, service.config)
  t.equal(limits.sweep(), false)
  t.not(db.prepare('SELECT count(*) FROM stranger_counts').pluck().get(), 0, 'what counts stays')
  db.prepare('UPDATE stranger_counts SET expires = ?').run(Date.now() - 1)
  t.equal((await signup(service)).status, 202)
  db.prepare('UPDATE stranger_counts SET expires = ?').run(Date.now() - 1)
  limits.sweep()
  t.equal(db.prepare('SELECT count(*) FROM stranger_counts').pluck().get(), 0)
  const days = (count: number) => new Date(Date.now() - count * 86_400_000).toISOString()
  t.equal(accounts.sweepUnverified(days(1)), false)
  t.ok(accounts.byEmail('kim@example.com'))
  db.prepare('UPDATE accounts SET updated_at = ?').run(days(2))
  accounts.sweepUnverified(days(1))
  t.equal(accounts.byEmail('kim@example.com'), undefined)
})

t.test('no more accounts than ACCOUNTS_MAX sign up', async (t) => {
  const service = await identity(t, { ACCOUNTS_MAX: '1' })
  t.equal((await signup(service)).status, 201)
  t.equal((await signup(service, { email: 'b@example.com' })).status, 409)
})

t.test('a retry with an Idempotency-Key makes one account, and the password is in no table', async (t) => {
  const service = await identity(t)
  const headers = { 'idempotency-key': 'once' }
  const first = await signup(service, {}, { headers })
  const second = await signup(service, {}, { headers })
  t.equal(first.status, 201)
  t.equal(second.text, first.text)
  t.equal(second.headers['idempotency-replayed'], 'true')
  t.equal((await signup(service, { name: 'x' }, { headers })).status, 422)
  const stored = JSON.stringify(service.db.prepare('SELECT *, CAST(body AS TEXT) AS text FROM idempotency_keys').all())
  t.notMatch(stored, PASSWORD)
  t.notMatch(stored, 'kim@example.com')
})

t.test('where no mails are sent, asking for one is refused', async (t) => {
  const service = await identity(t)
  for (const url of ['/api/auth/verify-email/send', '/api/auth/password/forgot']) {
    const answer = await service.call('POST', url, { body: { email: 'a@example.com' } })
    t.equal(answer.status, 403, url)
    t.match(answer.json(), { message: /administrator/ })
  }
})

t.test('fields as long as a body may be are refused without a look at what is in them', async (t) => {
  const service = await identity(t)
  const marks = '\u0301'.repeat(120_000) + '\u0327'.repeat(120_000)
  for (const [field, value] of [
    ['email', `a${marks}@example.com`],
    ['name', `${'a'.repeat(1_000_000)}\n`],
  ] as const) {
    const answer = await signup(service, { [field]: value })
    t.equal(answer.status, 400, field)
    t.match(answer.json(), { errors: [{ field, message: /at most|less than or equal to/ }] })
  }
})

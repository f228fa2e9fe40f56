import t from 'tap'
import { until } from '#shared/test/until.ts'
import { identity, type Identity } from '../../test/identity.ts'
import { mailbox } from '#shared/test/mailbox.ts'

const NEW = '새로운 비밀번호 77'

async function withMail(t: Parameters<typeof mailbox>[0], env: Record<string, string> = {}) {
  const box = await mailbox(t)
  return { box, service: await identity(t, { ...box.env, ...env }) }
}

const forgot = ({ call }: Identity, email: string) => call('POST', '/api/auth/password/forgot', { body: { email } })
const reset = ({ call }: Identity, token: string, password = NEW, headers: Record<string, string> = {}) =>
  call('POST', '/api/auth/password/reset', { body: { token, password }, headers })
const login = ({ call }: Identity, email: string, password: string) =>
  call('POST', '/api/auth/login', { body: { email, password } })

const subjects = ({ db }: Identity) =>
  db.prepare<[], string>('SELECT subject FROM revocations ORDER BY seq').pluck().all()

t.test('a link by mail sets a new password, ends every session and is good once', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  const session = await service.signedIn(person)
  t.equal((await forgot(service, person.email.toUpperCase())).status, 202)
  const token = await box.token(person.email)
  const done = await reset(service, token)
  t.equal(done.status, 204)
  t.equal(done.text, '', 'nobody is signed in by it')
  t.equal(done.headers['set-cookie'], undefined)
  t.equal((await reset(service, token, 'another password 1')).status, 400)
  t.equal((await login(service, person.email, person.password)).status, 401)
  t.equal((await login(service, person.email, NEW)).status, 200)
  const refresh = { refresh_token: session.refresh_token }
  t.equal((await service.call('POST', '/api/auth/refresh', { body: refresh })).status, 401)
  t.ok(subjects(service).includes(`session:${session.session}`))
  t.ok(subjects(service).includes(`account:${person.user}`))
  t.match((await box.next(person.email)).text, '비밀번호가 변경되었습니다')
})

t.test('asking for a link answers the same for everybody and mails only those who may sign in', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  const locked = await service.signedUp({ state: 'suspended' })
  const turned = await service.signedUp({ state: 'rejected' })
  const answers = []
  for (const email of ['nobody@example.com', locked.email, turned.email, person.email]) {
    answers.push(await forgot(service, email))
  }
  for (const { status, text } of answers) t.same([status, text], [202, answers[0]?.text])
  await box.next(person.email)
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.same(box.mails, [])
  t.equal(service.db.prepare('SELECT count(*) FROM mail_outbox').pluck().get(), 0)
})

t.test('for an unknown address the database does the same work until the answer', async (t) => {
  const { box, service } = await withMail(t)
  await box.close()
  const person = await service.signedUp()
  const rows = () => [
    service.db.prepare('SELECT count(*) FROM mail_outbox').pluck().get(),
    service.db.prepare('SELECT count(*) FROM one_time_tokens').pluck().get(),
  ]
  await forgot(service, person.email)
  t.same(rows()[0], 1)
  await forgot(service, 'nobody@example.com')
  t.same(rows()[0], 2)
})

t.test('a newer link makes the older one void; a weak password uses neither up', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  await forgot(service, person.email)
  const first = await box.token(person.email)
  await forgot(service, person.email)
  const second = await box.token(person.email)
  t.equal((await reset(service, first)).status, 400)
  const weak = await reset(service, second, 'password')
  t.equal(weak.status, 400)
  t.match(weak.json(), { errors: [{ field: 'password' }] })
  t.equal((await reset(service, second, person.email)).status, 400)
  t.equal((await reset(service, second)).status, 204)
})

t.test('of two uses at the same time one counts, and a retry of it is told the same', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  await forgot(service, person.email)
  const token = await box.token(person.email)
  const key = { 'idempotency-key': 'k' }
  const answers = await Promise.all([reset(service, token, NEW, key), reset(service, token, 'another password 2')])
  t.same(answers.map(({ status }) => status).sort(), [204, 400])
  const [mine] = answers
  if (mine?.status === 204) t.equal((await reset(service, token, NEW, key)).status, 204)
  t.notMatch(JSON.stringify(service.db.prepare('SELECT fingerprint, body FROM idempotency_keys').all()), token)
})

t.test('a link is too old after its time', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  await forgot(service, person.email)
  const token = await box.token(person.email)
  service.db.prepare('UPDATE one_time_tokens SET expires = ?').run(Date.now() - 1)
  t.equal((await reset(service, token)).status, 400)
  t.equal((await login(service, person.email, person.password)).status, 200)
})

t.test('a link of one kind does nothing elsewhere, and the file holds no link', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  await forgot(service, person.email)
  const token = await box.token(person.email)
  t.equal((await service.call('POST', '/api/auth/verify-email', { body: { token } })).status, 400)
  const stored = JSON.stringify(service.db.prepare('SELECT purpose, detail, hex(hash) FROM one_time_tokens').all())
  t.notMatch(stored, token)
  t.equal((await reset(service, token)).status, 204)
})

t.test('who reads the mails of an account that was never confirmed confirms it by setting a password', async (t) => {
  const { box, service } = await withMail(t)
  const body = { email: 'new@example.com', password: 'some good password', name: 'N' }
  await service.call('POST', '/api/auth/signup', { body })
  await box.next(body.email)
  await forgot(service, body.email)
  t.equal((await reset(service, await box.token(body.email))).status, 204)
  t.equal((await login(service, body.email, NEW)).status, 200)
})

t.test('the second factor stays: a mailbox alone lets nobody in', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  service.db
    .prepare('INSERT INTO totp (account_id, secret_sealed, confirmed_at) VALUES (?, ?, ?)')
    .run(person.user, Buffer.alloc(1), '2026-11-21T00:00:00.000Z')
  await forgot(service, person.email)
  await reset(service, await box.token(person.email))
  const answer = await login(service, person.email, NEW)
  t.equal(answer.status, 401)
  t.match(answer.json(), { type: 'urn:najimban:problem:second-factor-required' })
})

t.test('the password changes with the one before, other sessions end and this one goes on', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  const here = await service.signedIn(person)
  const there = await service.signedIn(person)
  const put = (current_password: string | undefined, password = NEW) =>
    service.call('PUT', '/api/auth/password', { body: { current_password, password }, as: here.as })
  t.equal((await put('wrong')).status, 403)
  t.equal((await put(undefined)).status, 400)
  t.equal((await put(person.password, 'password')).status, 400)
  t.equal((await put(person.password)).status, 204)
  const refresh = (refresh_token: string) => service.call('POST', '/api/auth/refresh', { body: { refresh_token } })
  t.equal((await refresh(there.refresh_token)).status, 401)
  t.equal((await refresh(here.refresh_token)).status, 200)
  t.equal((await login(service, person.email, NEW)).status, 200)
  t.match((await box.next(person.email)).text, '비밀번호가 변경되었습니다')
})

t.test('only a person who is signed in changes a password, and nobody with a key or an application', async (t) => {
  const service = await identity(t)
  const { user, password } = await service.signedUp()
  const body = { current_password: password, password: NEW }
  for (const [credential, status] of [
    [undefined, 401],
    ['key:1', 403],
    ['token:1', 403],
  ] as const) {
    const caller = { user, role: 'viewer', ...(credential === undefined ? {} : { credential }) } as const
    t.equal((await service.call('PUT', '/api/auth/password', { body, as: caller })).status, status)
  }
  const gone = { user: 'gone', role: 'viewer', credential: 'session:x' } as const
  t.equal((await service.call('PUT', '/api/auth/password', { body, as: gone })).status, 404)
})

for (const how of ['reset', 'change'] as const) {
  t.test(`a ${how} of the password undoes what was asked for with the one before, mailed or still to be`, async (t) => {
    const { box, service } = await withMail(t)
    const { call } = service
    const person = await service.signedUp()
    const { as } = await service.signedIn(person)
    const take = (email: string) =>
      call('PUT', '/api/auth/me/email', { as, body: { email, password: person.password } })
    const renew = async () => {
      const body = { current_password: person.password, password: NEW }
      const answer =
        how === 'reset' ? await reset(service, link) : await call('PUT', '/api/auth/password', { as, body })
      t.equal(answer.status, 204)
    }
    await forgot(service, person.email)
    const link = await box.token(person.email)
    await take('thief@example.com')
    const stolen = await box.token('thief@example.com')
    await renew()
    t.equal((await call('GET', `/account/verify?token=${stolen}`)).status, 410)
    t.equal((await call('POST', '/api/auth/verify-email', { body: { token: stolen } })).status, 400)
    t.equal((await reset(service, link)).status, 400, 'nor is a link that was sent before good any more')
    t.equal(service.accounts.find(person.user)?.email, person.email)
  })
}

t.test('a mail that waits to be sent takes no account away after the password was changed', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  const { as } = await service.signedIn(person)
  box.state.refusal = 451
  const { password, email } = person
  await service.call('PUT', '/api/auth/me/email', { as, body: { email: 'thief@example.com', password } })
  await until('the first try', () => box.state.tries >= 2)
  const body = { current_password: password, password: NEW }
  t.equal((await service.call('PUT', '/api/auth/password', { as, body })).status, 204)
  box.state.refusal = undefined
  await until('the empty outbox', () => service.db.prepare('SELECT 1 FROM mail_outbox').get() === undefined)
  // It is not sent, unless it was under way in that very moment.
  for (const { recipients, text = '' } of box.mails) {
    const [, token = 'none'] = /[?&]token=([\w-]+)/.exec(text) ?? []
    const used = await service.call('POST', '/api/auth/verify-email', { body: { token } })
    t.equal(used.status, 400, recipients.join())
  }
  t.equal(service.accounts.find(person.user)?.email, email)
})

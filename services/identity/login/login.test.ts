import { hash } from '@node-rs/argon2'
import { decodeJwt } from 'jose'
import t from 'tap'
import type { AccessClaims } from '#shared/access-token.ts'
import { identity, type Identity, type Signed } from '../test/identity.ts'

interface Refusal {
  type: string
  status: number
  detail: string
  state?: string
}

const LOGIN = '/api/auth/login'
const WRONG = 'E-mail address or password is wrong'

/** How many argon2 computations there were. */
async function hashes({ metrics }: Identity): Promise<number> {
  const text = await metrics.registry.metrics()
  return Number(/^identity_password_hash_seconds_count\S* (\d+)/m.exec(text)?.[1] ?? 0)
}

t.test('the right password opens a session: tokens, the account without its hash, tenant and role', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp({ email: 'Kim@Example.com', role: 'operator' })
  const answer = await service.call('POST', LOGIN, { body: { email: ' kim@example.COM ', password: person.password } })
  t.equal(answer.status, 200)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.equal(answer.headers.etag, undefined)
  t.same(answer.cookies, [])
  const signed = answer.json<Signed>()
  t.match(signed, {
    token_type: 'Bearer',
    expires_in: 600,
    refresh_token: /^[\w-]{43}$/,
    account: { id: person.user, email: 'kim@example.com', name: person.name },
    tenant: 'default',
    role: 'operator',
  })
  t.notMatch(answer.text, 'argon2')
  const claims = decodeJwt<AccessClaims>(signed.access_token)
  t.match(claims, { sub: person.user, tenant: 'default', role: 'operator', amr: ['pwd'], scope: signed.scope })
  t.ok(signed.scope.split(' ').includes('calendar:write'))
  t.notOk(signed.scope.split(' ').includes('admin'))
})

t.test('an unknown address, a wrong password and an account without one get one answer for one price', async (t) => {
  const service = await identity(t)
  const { db, call } = service
  const person = await service.signedUp()
  const without = await service.signedUp()
  const leaving = await service.signedUp({ state: 'deleting' })
  db.prepare('UPDATE accounts SET password_hash = NULL WHERE id = ?').run(without.user)
  const suspended = await service.signedUp({ state: 'suspended' })
  const tries: [string, string][] = [
    ['nobody@example.com', person.password],
    [person.email, `${person.password}x`],
    [without.email, person.password],
    [leaving.email, leaving.password],
    [suspended.email, 'wrong'],
    ["' OR 1=1 --", 'x'],
    [' ', ' '],
  ]
  const bodies = new Set<string>()
  for (const [email, password] of tries) {
    const before = await hashes(service)
    const answer = await call('POST', LOGIN, { body: { email, password } })
    t.equal(answer.status, 401, email)
    t.equal(answer.headers['www-authenticate'], 'Bearer')
    t.equal((await hashes(service)) - before, 1, `${email} costs one hash`)
    bodies.add(JSON.stringify({ ...answer.json<object>(), instance: '' }))
  }
  t.equal(bodies.size, 1)
  t.match([...bodies][0], WRONG)
})

t.test('who has the password of an account that is not approved learns its state, and gets no session', async (t) => {
  const { call, signedUp, db } = await identity(t)
  for (const state of ['pending', 'rejected', 'suspended'] as const) {
    const { email, password } = await signedUp({ state })
    const answer = await call('POST', LOGIN, { body: { email, password } })
    t.equal(answer.status, 403)
    t.match(answer.json<Refusal>(), { state })
    const wrong = await call('POST', LOGIN, { body: { email, password: `${password}!` } })
    t.equal(wrong.status, 401)
    t.equal(wrong.json<Refusal>().state, undefined)
  }
  t.equal(db.prepare('SELECT count(*) FROM sessions').pluck().get(), 0)
})

t.test('after too many wrong passwords everybody waits alike, also for accounts that do not exist', async (t) => {
  const service = await identity(t)
  const { db, call } = service
  const person = await service.signedUp()
  const ip = '10.0.0.1'
  const bodies: string[] = []
  for (const email of [person.email, 'nobody@example.com']) {
    const fail = () => call('POST', LOGIN, { body: { email, password: 'wrong' }, as: { ip } })
    for (let i = 0; i < 6; i++) t.equal((await fail()).status, 401)
    // However slow this machine is.
    db.prepare('UPDATE login_failures SET next = next + 60000 WHERE next > 0').run()
    const answer = await fail()
    t.equal(answer.status, 429)
    t.match(answer.headers['retry-after'], /^(6[01]|5\d)$/)
    bodies.push(JSON.stringify({ ...answer.json<object>(), instance: '' }))
  }
  t.equal(bodies[0], bodies[1])
  const before = await hashes(service)
  const right = { email: person.email, password: person.password }
  t.equal((await call('POST', LOGIN, { body: right, as: { ip } })).status, 429)
  t.equal(await hashes(service), before, 'the password is not even looked at')
  t.equal((await call('POST', LOGIN, { body: right, as: { ip: '10.9.9.9' } })).status, 200)
})

t.test('a session is for the tenant that is named, if the account has a role there', async (t) => {
  const { call, signedUp, accounts, db } = await identity(t)
  const { user, email, password } = await signedUp({ role: 'viewer' })
  await signedUp({ tenant: 'team-b' })
  await signedUp({ tenant: 'team-c' })
  accounts.join(user, 'team-b' as never, 'admin')
  const login = (tenant?: string) => call('POST', LOGIN, { body: { email, password, tenant } })
  t.match((await login()).json<Signed>(), { tenant: 'default', role: 'viewer' })
  const inB = (await login('team-b')).json<Signed>()
  t.match(inB, { tenant: 'team-b', role: 'admin' })
  t.match(decodeJwt(inB.access_token), { tenant: 'team-b', role: 'admin' })
  const strange = await login('team-c')
  const missing = await login('no-such-tenant')
  t.equal(strange.status, 403)
  t.same(
    { ...strange.json<object>(), instance: 0 },
    { ...missing.json<object>(), instance: 0 },
    'as if it were not there',
  )
  db.prepare('DELETE FROM memberships WHERE account_id = ?').run(user)
  t.equal((await login()).status, 403)
})

t.test('nobody chooses a role, an account or a session id by sending one', async (t) => {
  const { call, signedUp } = await identity(t)
  const { email, password, user } = await signedUp()
  const body = {
    email,
    password,
    role: 'admin',
    account: 'x',
    session: 'fixed',
    sid: 'fixed',
    scope: 'admin',
    amr: ['mfa'],
  }
  const headers = { cookie: '__Host-najimban-refresh=chosen-by-somebody-else; __Host-najimban-access=x' }
  const claims = decodeJwt((await call('POST', LOGIN, { body, headers })).json<Signed>().access_token)
  t.match(claims, { sub: user, role: 'viewer', amr: ['pwd'] })
  t.not(claims.sid, 'fixed')
  const again = decodeJwt((await call('POST', LOGIN, { body, headers })).json<Signed>().access_token)
  t.not(again.sid, claims.sid, 'every login has a session of its own')
})

t.test('a password that was hashed with other parameters is hashed anew when it comes', async (t) => {
  const { call, signedUp, accounts } = await identity(t)
  const { user, email, password } = await signedUp()
  accounts.update(user, { password_hash: await hash(password, { memoryCost: 8192, timeCost: 1 }) })
  t.equal((await call('POST', LOGIN, { body: { email, password } })).status, 200)
  t.match(accounts.find(user)?.password_hash, /m=19456,t=2,p=1/)
  t.equal((await call('POST', LOGIN, { body: { email, password } })).status, 200)
})

t.test('a password counts in either Unicode form', async (t) => {
  const { call, signedUp } = await identity(t)
  const { email } = await signedUp({ password: '비밀번호 하나둘'.normalize('NFC') })
  const body = { email, password: '비밀번호 하나둘'.normalize('NFD') }
  t.equal((await call('POST', LOGIN, { body })).status, 200)
})

t.test('a crowd is answered 503 beyond what may wait, and that counts as nobody’s failure', async (t) => {
  const { call, signedUp, db } = await identity(t, { PASSWORD_HASHES_AT_ONCE: '1', PASSWORD_HASHES_WAITING: '0' })
  const { email, password } = await signedUp()
  const tries = Array.from({ length: 4 }, () => call('POST', LOGIN, { body: { email, password } }))
  const answers = await Promise.all(tries)
  t.same(answers.map(({ status }) => status).sort(), [200, 503, 503, 503])
  const refused = answers.find(({ status }) => status === 503)
  t.equal(refused?.headers['retry-after'], '1')
  const failures = db.prepare('SELECT sum(failures) FROM login_failures').pluck().get()
  t.equal(failures, 0)
})

t.test('faulty bodies are 400 with the fields, and long ones cost no hash', async (t) => {
  const service = await identity(t)
  const bodies = [
    {},
    { email: 'a@example.com' },
    { email: 'a@example.com', password: 'x'.repeat(1025) },
    { email: { $ne: '' }, password: 'x' },
    { email: ['a@example.com'], password: 'x' },
    { email: 'a@example.com', password: 'x', cookies: 'maybe' },
    { email: `${'a'.repeat(255)}@example.com`, password: 'x' },
  ]
  for (const body of bodies) t.equal((await service.call('POST', LOGIN, { body })).status, 400, JSON.stringify(body))
  t.equal(await hashes(service), 0)
})

import { decodeJwt } from 'jose'
import t from 'tap'
import { authenticator } from '../test/authenticator.ts'
import { withApp } from '../test/authenticator-app.ts'
import type { Signed } from '../test/identity.ts'
import { start, type Passkey } from './test/passkeys.ts'

const REFUSED = 'This passkey does not sign you in'

t.test('a passkey signs in without a name, a password or a code', async (t) => {
  const service = await start(t)
  const { call, person, add, login, list } = service
  await withApp(service, person)
  const [device, synced] = [authenticator(), authenticator({ isSynced: true })]
  await add(device)
  await add(synced)
  const signed = await login(device)
  t.equal(signed.status, 200, signed.text)
  t.equal(signed.headers['cache-control'], 'no-store')
  const body = signed.json<Signed>()
  t.equal(body.account.id, person.user)
  t.same(decodeJwt(body.access_token).amr, ['hwk', 'user', 'mfa'])
  t.match((await list())[0]?.last_used_at, /^\d{4}-/)
  t.same(decodeJwt((await login(synced)).json<Signed>().access_token).amr, ['swk', 'user', 'mfa'])
  t.equal((await login(synced)).status, 200, 'one that is synchronized does not count')
  const factors = await call('GET', '/api/auth/second-factors', { as: person })
  t.match(factors.json(), { methods: ['totp', 'recovery', 'passkey'], passkeys: { count: 2 } })
})

t.test('a browser may have its session in cookies, and in the tenant that it names', async (t) => {
  const { accounts, person, add, loginChallenge, send, db } = await start(t)
  const device = authenticator()
  await add(device)
  db.prepare("INSERT INTO tenants VALUES ('다른', 'x', '2026-11-21T00:00:00.000Z')").run()
  const { user } = person
  accounts.join(user, '다른' as never, 'operator')
  const get = async (more: object) => send(device.get(user, { challenge: await loginChallenge() }), more)
  const signed = await get({ tenant: '다른', cookies: true })
  t.match(signed.json(), { tenant: '다른', role: 'operator' })
  t.notMatch(signed.text, /access_token|refresh_token/)
  t.ok(signed.cookies.every(({ name, httpOnly }) => name.startsWith('__Host-') && httpOnly === true))
  t.equal(signed.cookies.length, 2)
  t.equal((await get({ tenant: 'nobody' })).status, 403)
})

t.test('an answer signs in once, and its challenge is over even when it was wrong', async (t) => {
  const { person, add, loginChallenge, send } = await start(t)
  const device = authenticator()
  await add(device)
  const challenge = await loginChallenge()
  const good = device.get(person.user, { challenge })
  t.equal((await send(good)).status, 200)
  const replayed = await send(good)
  t.equal(replayed.status, 401)
  t.equal(replayed.json<{ message: string }>().message, REFUSED)
  t.equal((await send(device.get(person.user, { challenge }))).status, 401, 'signed anew')

  const second = await loginChallenge()
  t.equal((await send(device.get(person.user, { challenge: second, isVerified: false }))).status, 401)
  t.equal((await send(device.get(person.user, { challenge: second }))).status, 401)

  const third = device.get(person.user, { challenge: await loginChallenge() })
  const statuses = (await Promise.all(Array.from({ length: 5 }, () => send(third)))).map(({ status }) => status)
  t.same(statuses.sort(), [200, 401, 401, 401, 401])
})

t.test('a login that lies about anything is refused, always with the same words', async (t) => {
  const { person, signedUp, add, login, challengeFor, loginChallenge, send, db, call } = await start(t)
  const device = authenticator()
  await add(device)
  const other = await signedUp()
  const mine = device.get(person.user, { challenge: await loginChallenge() })
  const foreign = authenticator().get(person.user, { challenge: await loginChallenge() })
  const handle = (user: string) => Buffer.from(user).toString('base64url')
  const lies: Record<string, () => ReturnType<typeof login>> = {
    'another origin': () => login(device, person, { origin: 'https://evil.example' }),
    'an origin that begins alike': () => login(device, person, { origin: 'http://localhost:5000.evil.example' }),
    'another relying party': () => login(device, person, { rpId: 'evil.example' }),
    'no user verification': () => login(device, person, { isVerified: false }),
    'no user': () => login(device, person, { isPresent: false, isVerified: false }),
    'a frame of another page': () => login(device, person, { crossOrigin: true }),
    'a registration': () => login(device, person, { type: 'webauthn.create' }),
    'a challenge that nobody gave': () => login(device, person, { challenge: 'A'.repeat(43) }),
    'the challenge of a registration': async () => login(device, person, { challenge: await challengeFor(person) }),
    "another account's handle": () => login(device, person, { userHandle: handle(other.user) }),
    'a credential that nobody has': () => login(authenticator()),
    "another device's signature": () =>
      send({ ...mine, response: { ...foreign.response, userHandle: mine.response.userHandle } }),
    'a changed signature': async () => {
      const answer = device.get(person.user, { challenge: await loginChallenge() })
      const { signature } = answer.response
      const changed = (signature.startsWith('M') ? 'N' : 'M') + signature.slice(1)
      return send({ ...answer, response: { ...answer.response, signature: changed } })
    },
    'client data that is no JSON': () =>
      send({ ...mine, response: { ...mine.response, clientDataJSON: handle('not JSON') } }),
  }
  for (const [what, lie] of Object.entries(lies)) {
    const answer = await lie()
    t.equal(answer.status, 401, what)
    t.equal(answer.json<{ message: string }>().message, REFUSED, what)
  }
  t.equal((await send({ ...mine, response: { ...mine.response, userHandle: null } })).status, 401)
  t.equal((await send({ ...mine, rawId: 'other' })).status, 401)
  db.prepare("UPDATE accounts SET state = 'suspended' WHERE id = ?").run(person.user)
  const suspended = await login(device)
  t.equal(suspended.status, 401)
  t.equal(suspended.json<{ message: string }>().message, REFUSED)
  for (const body of [{}, { credential: 1 }, { credential: { id: 'ä' } }, { credential: { ...mine, type: 'x' } }]) {
    t.equal((await call('POST', '/api/auth/passkeys/login', { body })).status, 400, JSON.stringify(body).slice(0, 40))
  }
})

t.test('an authenticator that counts backwards was copied: it is refused, and the log says so', async (t) => {
  const { person, add, login, events } = await start(t)
  const device = authenticator()
  const { id } = (await add(device, person, { counter: 5 })).json<Passkey>()
  t.equal((await login(device, person, { counter: 5 })).status, 401)
  t.match(events.at(-1), {
    event: 'passkey.counter-regressed',
    target: `passkey:${id}`,
    detail: { account: person.user, stored: 5, sent: 5 },
  })
  t.equal((await login(device, person, { counter: 0 })).status, 401)
  t.equal((await login(device, person, { counter: 6 })).status, 200)
  t.equal((await login(device, person, { counter: 6 })).status, 401)
  t.equal((await login(device, person, { counter: 0xff_ff_ff_ff })).status, 200)
})

t.test('pages of further origins may use passkeys when they are on the host or below it', async (t) => {
  const { person, add, login } = await start(t, {
    PUBLIC_URL: 'https://najimban.example',
    WEBAUTHN_ORIGINS: 'https://app.najimban.example, https://evil.example, https://evilnajimban.example',
  })
  const device = authenticator()
  const from = (origin: string) => ({ origin, rpId: 'najimban.example' })
  t.equal((await add(device, person, from('https://app.najimban.example'))).status, 201)
  t.equal((await login(device, person, from('https://najimban.example'))).status, 200)
  for (const origin of ['https://evil.example', 'https://evilnajimban.example', 'http://localhost:4000']) {
    t.equal((await login(device, person, from(origin))).status, 401, origin)
  }
})

t.test('without a host name there are no passkeys, and the answer says which setting it is', async (t) => {
  const { call, person } = await start(t, { PUBLIC_URL: 'http://192.0.2.1:5000' })
  const { password } = person
  const answers = [
    await call('POST', '/api/auth/passkeys/options', { as: person, body: { password } }),
    await call('POST', '/api/auth/passkeys/login/options'),
  ]
  for (const { status, text } of answers) {
    t.equal(status, 409)
    t.match(text, 'PUBLIC_URL')
  }
})

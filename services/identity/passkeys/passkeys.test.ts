import t from 'tap'
import { authenticator } from '../test/authenticator.ts'
import type { As } from '../test/identity.ts'
import { start, type Lie, type Passkey } from './test/passkeys.ts'

t.test('a browser is told to make a passkey that needs no name and verifies its user', async (t) => {
  const { call, person, add } = await start(t, { PUBLIC_URL: 'https://najimban.example/' })
  const device = authenticator()
  const lie = { rpId: 'najimban.example', origin: 'https://najimban.example' }
  t.equal((await add(device, person, lie)).status, 201)
  const options = await call('POST', '/api/auth/passkeys/options', { as: person, body: { password: person.password } })
  t.equal(options.headers['cache-control'], 'no-store')
  t.match(options.json(), {
    rp: { id: 'najimban.example', name: 'Najimban' },
    user: { id: Buffer.from(person.user).toString('base64url'), name: person.email, displayName: person.name },
    challenge: /^[\w-]{43}$/,
    attestation: 'none',
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    excludeCredentials: [{ id: device.id, transports: ['internal'] }],
    timeout: 300_000,
  })
  const login = await call('POST', '/api/auth/passkeys/login/options')
  t.equal(login.headers['cache-control'], 'no-store')
  t.match(login.json(), { rpId: 'najimban.example', challenge: /^[\w-]{43}$/, userVerification: 'required' })
  t.notOk('allowCredentials' in login.json<object>(), 'nobody learns which credentials there are')
})

t.test('a passkey is added, listed, named and removed', async (t) => {
  const { call, person, add, list } = await start(t)
  const added = await add(authenticator(), person, {}, '내 휴대폰 📱'.normalize('NFD'))
  t.equal(added.status, 201)
  const passkey = added.json<Passkey>()
  t.equal(passkey.name, '내 휴대폰 📱'.normalize('NFD'))
  t.match(passkey, { device_type: 'singleDevice', backed_up: false, last_used_at: null })
  t.same(Object.keys(passkey), ['id', 'name', 'device_type', 'backed_up', 'created_at', 'last_used_at'])
  t.equal((await add(authenticator({ isSynced: true }))).json<Passkey>().name, 'Passkey')
  t.same(
    (await list()).map(({ backed_up }) => backed_up),
    [false, true],
  )

  const url = `/api/auth/passkeys/${passkey.id}`
  const patch = (body: unknown, headers = {}) => call('PATCH', url, { as: person, body, headers })
  t.equal((await patch({ name: ' ' })).status, 400)
  t.equal((await patch({ name: 'a'.repeat(101) })).status, 400)
  t.equal((await patch({ name: 'x' }, { 'if-match': '"other"' })).status, 412)
  const renamed = await patch({ name: 'Key', counter: 0, account_id: 'other' }, { 'if-match': added.headers.etag })
  t.same(renamed.json(), { ...passkey, name: 'Key' })
  const remove = (body: unknown) => call('DELETE', url, { as: person, body })
  t.equal((await remove({})).status, 400)
  t.equal((await remove({ password: 'wrong' })).status, 403)
  t.equal((await remove({ password: person.password })).status, 204)
  t.equal((await remove({ password: person.password })).status, 404)
  t.equal((await list()).length, 1)
})

t.test('somebody else has no part in my passkeys', async (t) => {
  const { call, signedUp, add, list } = await start(t)
  const { id } = (await add(authenticator())).json<Passkey>()
  const other = await signedUp()
  const { password } = other
  const url = `/api/auth/passkeys/${id}`
  t.equal((await call('PATCH', url, { as: other, body: { name: 'mine' } })).status, 404)
  t.equal((await call('DELETE', url, { as: other, body: { password } })).status, 404)
  t.same(await list(other), [])
  t.equal((await list()).length, 1)
})

t.test('the log says who came by passkey, and which passkeys came and went', async (t) => {
  const { call, person, add, login, events } = await start(t)
  const device = authenticator()
  const { id } = (await add(device)).json<Passkey>()
  const target = `passkey:${id}`
  t.same(events.at(-1), { event: 'passkey.added', target })
  await login(device)
  t.match(events.at(-1), {
    event: 'login.succeeded',
    actor: `account:${person.user}`,
    detail: { amr: 'hwk user mfa' },
  })
  await login(device, person, { isVerified: false })
  const detail = { method: 'passkey' }
  t.same(events.at(-1), { event: 'login.failed', target: `account:${person.user}`, detail })
  await login(authenticator())
  t.same(events.at(-1), { event: 'login.failed', detail }, 'whose it would be is not known')
  const remove = (password: string) => call('DELETE', `/api/auth/passkeys/${id}`, { as: person, body: { password } })
  await remove('wrong')
  t.same(events.at(-1), { event: 'confirmation.failed', target: `account:${person.user}` })
  await remove(person.password)
  t.same(events.at(-1), { event: 'passkey.removed', target })
})

t.test('a passkey that lies about anything is not added', async (t) => {
  const { call, person, signedUp, add, challengeFor, loginChallenge, list } = await start(t)
  const device = authenticator()
  const other = await signedUp()
  const x5c = new Map([['x5c', [new Uint8Array(8)]]]) as unknown as Map<string, never>
  const lies: Record<string, () => Promise<Lie>> = {
    'another origin': async () => ({ origin: 'https://evil.example' }),
    'another relying party': async () => ({ rpId: 'evil.example' }),
    'no user verification': async () => ({ isVerified: false }),
    'a frame of another page': async () => ({ crossOrigin: true }),
    'a login': async () => ({ type: 'webauthn.get' }),
    'a challenge that nobody gave': async () => ({ challenge: 'A'.repeat(43) }),
    'the challenge of a login': async () => ({ challenge: await loginChallenge() }),
    "another account's challenge": async () => ({ challenge: await challengeFor(other) }),
    "a manufacturer's statement": async () => ({ attestation: ['packed', x5c] }),
    'a statement of another form': async () => ({ attestation: ['tpm', new Map<string, never>()] }),
  }
  for (const [what, lie] of Object.entries(lies)) {
    const refused = await add(device, person, await lie())
    t.equal(refused.status, 400, what)
    t.match(refused.json(), { message: 'This passkey cannot be added', errors: [{ field: 'credential' }] }, what)
  }
  t.same(await list(), [])
  t.same(await list(other), [])
  const credential = device.create({ challenge: await challengeFor(person) })
  const ask = (as: As, body: unknown) => call('POST', '/api/auth/passkeys', { as, body })
  t.equal((await ask(other, { credential })).status, 400, 'nor is it taken from me')
  t.equal((await ask(person, { credential: { ...credential, id: 'AAAA', rawId: 'AAAA' } })).status, 400)
  t.equal((await ask(person, { credential })).status, 201)
  t.equal((await ask(person, { credential })).status, 400, 'a challenge is good once')
  t.equal((await add(device, other)).status, 400, 'a credential belongs to one account')
})

t.test('the session of an account that is gone changes nothing', async (t) => {
  const { call, person, challengeFor, db } = await start(t)
  const credential = authenticator().create({ challenge: await challengeFor(person) })
  db.prepare('DELETE FROM accounts').run()
  const ask = (url: string, body: unknown) => call('POST', url, { as: person, body })
  t.equal((await ask('/api/auth/passkeys/options', { password: person.password })).status, 404)
  t.equal((await ask('/api/auth/passkeys', { credential })).status, 400)
})

t.test('a new challenge ends the one before it, and one that is too old is over', async (t) => {
  const { call, person, challengeFor, loginChallenge, add, send, db } = await start(t)
  const device = authenticator()
  const first = await challengeFor(person)
  await challengeFor(person)
  const ask = (challenge: string) =>
    call('POST', '/api/auth/passkeys', { as: person, body: { credential: device.create({ challenge }) } })
  t.equal((await ask(first)).status, 400)
  const late = await challengeFor(person)
  db.prepare('UPDATE one_time_tokens SET expires = 0').run()
  t.equal((await ask(late)).status, 400)
  t.equal((await add(device)).status, 201)
  const challenge = await loginChallenge()
  db.prepare('UPDATE one_time_tokens SET expires = 0').run()
  t.equal((await send(device.get(person.user, { challenge }))).status, 401)
})

t.test('a request that is repeated with its Idempotency-Key adds one passkey', async (t) => {
  const { call, person, challengeFor, list } = await start(t)
  const credential = authenticator().create({ challenge: await challengeFor(person) })
  const ask = () =>
    call('POST', '/api/auth/passkeys', { as: person, body: { credential }, headers: { 'idempotency-key': 'one' } })
  const [first, again] = [await ask(), await ask()]
  t.same([first.status, again.status, again.headers['idempotency-replayed']], [201, 201, 'true'])
  t.equal(again.text, first.text)
  t.equal((await list()).length, 1)
})

t.test('an account has a greatest number of passkeys', async (t) => {
  const { call, person, add } = await start(t, { PASSKEYS_MAX: '2' })
  const { password } = person
  const challenges = [await add(authenticator()), await add(authenticator())]
  t.same(
    challenges.map(({ status }) => status),
    [201, 201],
  )
  const full = await call('POST', '/api/auth/passkeys/options', { as: person, body: { password } })
  t.equal(full.status, 409)
  t.match(full.json(), { message: /at most 2 passkeys/ })
})

t.test('whoever adds a passkey says the password again, or has just signed in when there is none', async (t) => {
  const { call, person, signedIn, db } = await start(t)
  const options = (as: As, body?: unknown) => call('POST', '/api/auth/passkeys/options', { as, body })
  const { as } = await signedIn(person)
  t.equal((await options(as)).status, 400)
  t.equal((await options(as, { password: 'wrong' })).status, 403)
  db.prepare('UPDATE accounts SET password_hash = NULL').run()
  t.equal((await options(as)).status, 200)
  db.prepare("UPDATE sessions SET created_at = '2026-01-01T00:00:00.000Z'").run()
  const old = await options(as)
  t.equal(old.status, 403)
  t.match(old.json(), { message: 'Sign in again to change this' })
})

t.test('the last way to sign in is not removed', async (t) => {
  const { call, person, signedIn, add, list, db } = await start(t)
  await add(authenticator())
  await add(authenticator())
  const { as } = await signedIn(person)
  db.prepare('UPDATE accounts SET password_hash = NULL').run()
  const [first, last] = await list()
  const remove = (id = '') => call('DELETE', `/api/auth/passkeys/${id}`, { as, body: {} })
  t.equal((await remove(first?.id)).status, 204)
  const refused = await remove(last?.id)
  t.equal(refused.status, 409)
  t.match(refused.json(), { message: 'This is the only way to sign in to the account' })
  t.equal((await list()).length, 1)
})

t.test('only a person with a session may change passkeys', async (t) => {
  const { call, person, add } = await start(t)
  const { id } = (await add(authenticator())).json<Passkey>()
  const key = { ...person, credential: 'key:k1', scope: 'account' }
  for (const [method, url] of [
    ['POST', '/api/auth/passkeys/options'],
    ['POST', '/api/auth/passkeys'],
    ['PATCH', `/api/auth/passkeys/${id}`],
    ['DELETE', `/api/auth/passkeys/${id}`],
  ] as const) {
    t.equal((await call(method, url, { body: {} })).status, 401, `${method} ${url}`)
    t.equal((await call(method, url, { as: key, body: {} })).status, 403, `${method} ${url}`)
  }
  t.equal((await call('GET', '/api/auth/passkeys')).status, 401)
  t.equal((await call('GET', '/api/auth/passkeys', { as: key })).status, 200)
})

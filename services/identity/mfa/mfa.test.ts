import { readFileSync } from 'node:fs'
import path from 'node:path'
import { decodeJwt } from 'jose'
import t from 'tap'
import { openKeyring, type Keyring } from '#shared/keyring.ts'
import { codeOf, withApp, wrongCode } from '../test/authenticator-app.ts'
import { identity, type Asked, type Person, type Signed } from '../test/identity.ts'
import { createMfaStore } from './store.ts'

interface Factors {
  methods: string[]
  totp: { enabled: boolean; confirmed_at?: string }
  recovery_codes: { remaining: number }
  passkeys: { count: number }
}
interface Refusal {
  type: string
  message: string
  mfa_token: string
  methods: string[]
  errors?: { field: string }[]
}

const CHANGES: [method: string, url: string][] = [
  ['POST', '/api/auth/totp'],
  ['DELETE', '/api/auth/totp'],
  ['POST', '/api/auth/recovery-codes'],
]

async function start(t: Parameters<typeof identity>[0], env: Record<string, string> = {}) {
  const service = await identity(t, env)
  const { call } = service
  const person = await service.signedUp()
  const login = ({ email, password }: Person, more: object = {}) =>
    call('POST', '/api/auth/login', { body: { email, password, ...more } })
  const factors = async (of: Person) => (await call('GET', '/api/auth/second-factors', { as: of })).json<Factors>()
  const post = (url: string, body: unknown, asked: Asked = {}) => call('POST', url, { as: person, body, ...asked })
  return { ...service, person, login, factors, post }
}

t.test('codes are asked for as soon as the first one has shown that the app works', async (t) => {
  const { post, person, login, factors } = await start(t)
  t.same((await factors(person)).methods, [])
  const begun = await post('/api/auth/totp', { password: person.password })
  t.equal(begun.status, 200)
  t.equal(begun.headers['cache-control'], 'no-store')
  t.equal(begun.headers.etag, undefined)
  const { secret, uri } = begun.json<{ secret: string; uri: string }>()
  t.equal(new URL(uri).searchParams.get('secret'), secret)
  t.match(decodeURIComponent(uri), person.email)
  t.equal((await login(person)).status, 200, 'a secret that was never confirmed locks nobody out')

  const wrong = await post('/api/auth/totp/confirm', { code: wrongCode(secret) })
  t.equal(wrong.status, 400)
  t.equal(wrong.json<Refusal>().errors?.[0]?.field, 'code')
  t.equal((await factors(person)).totp.enabled, false)

  const confirmed = await post('/api/auth/totp/confirm', { code: codeOf(secret) })
  t.equal(confirmed.status, 200)
  t.equal(confirmed.headers['cache-control'], 'no-store')
  t.equal(new Set(confirmed.json<{ recovery_codes: string[] }>().recovery_codes).size, 10)
  t.match(await factors(person), {
    methods: ['totp', 'recovery'],
    totp: { enabled: true, confirmed_at: /^\d{4}-/ },
    recovery_codes: { remaining: 10 },
    passkeys: { count: 0 },
  })
  const asked = await login(person)
  t.equal(asked.status, 401)
  t.match(asked.json(), { type: 'urn:najimban:problem:second-factor-required', methods: ['totp', 'recovery'] })
})

t.test('a code of the app is taken once, at the confirmation too', async (t) => {
  const { call, post, person, login } = await start(t)
  const { secret } = (await post('/api/auth/totp', { password: person.password })).json<{ secret: string }>()
  const first = codeOf(secret)
  t.equal((await post('/api/auth/totp/confirm', { code: first })).status, 200)
  t.equal((await login(person, { code: first })).status, 401, 'who saw it being typed cannot use it')

  const second = codeOf(secret, 1)
  const { mfa_token } = (await login(person)).json<Refusal>()
  const signed = await call('POST', '/api/auth/login/code', {
    body: { mfa_token, code: `${second.slice(0, 3)} ${second.slice(3)}` },
  })
  t.equal(signed.status, 200, signed.text)
  t.same(decodeJwt(signed.json<Signed>().access_token).amr, ['pwd', 'otp', 'mfa'])
  t.equal((await login(person, { code: second })).status, 401)
})

t.test('of many requests with the same code one gets in', async (t) => {
  const service = await start(t, { LOGIN_TRIES_CODE: '100' })
  const { person, login } = service
  const app = await withApp(service, person)
  const [code] = app.recoveryCodes
  for (const one of [app.code(), code]) {
    const answers = await Promise.all(Array.from({ length: 5 }, () => login(person, { code: one })))
    t.same(answers.map(({ status }) => status).sort(), [200, 401, 401, 401, 401])
  }
})

t.test('a recovery code is good once, however it is typed, and only for its account', async (t) => {
  const service = await start(t)
  const { person, login, factors } = service
  const other = await service.signedUp()
  const [mine, theirs] = [await withApp(service, person), await withApp(service, other)]
  const [code = '', next = ''] = mine.recoveryCodes
  t.equal((await login(person, { code: theirs.recoveryCodes[0] })).status, 401)
  t.equal((await login(person, { code: code.toLowerCase().replaceAll('-', ' ') })).status, 200)
  t.equal((await login(person, { code })).status, 401)
  t.equal((await factors(person)).recovery_codes.remaining, 9)
  t.equal((await login(person, { code: next })).status, 200)
  t.same((await factors(other)).recovery_codes.remaining, 10)
})

t.test('a new set of recovery codes voids the old one', async (t) => {
  const service = await start(t)
  const { post, person, login, factors } = service
  const { recoveryCodes: old } = await withApp(service, person)
  const renewed = await post('/api/auth/recovery-codes', { password: person.password })
  t.equal(renewed.headers['cache-control'], 'no-store')
  const { recovery_codes: codes } = renewed.json<{ recovery_codes: string[] }>()
  t.equal(new Set([...old, ...codes]).size, 20)
  t.equal((await login(person, { code: old[0] })).status, 401)
  t.equal((await login(person, { code: codes[0] })).status, 200)
  t.equal((await factors(person)).recovery_codes.remaining, 9)
})

t.test('whoever switches codes off needs the password, and then a password is enough', async (t) => {
  const service = await start(t)
  const { call, person, login, factors, post } = service
  const { recoveryCodes } = await withApp(service, person)
  const { password } = person
  t.equal((await call('DELETE', '/api/auth/totp', { as: person, body: { password } })).status, 204)
  t.match(await factors(person), { methods: [], totp: { enabled: false }, recovery_codes: { remaining: 0 } })
  t.equal((await login(person)).status, 200)
  t.equal((await call('DELETE', '/api/auth/totp', { as: person, body: { password } })).status, 409)
  t.equal((await post('/api/auth/recovery-codes', { password })).status, 409)
  t.equal((await post('/api/auth/totp/confirm', { code: recoveryCodes[0] })).status, 409)
})

t.test('a confirmed secret is not replaced, an unconfirmed one is', async (t) => {
  const { post, person } = await start(t)
  const { password } = person
  const begin = async () => (await post('/api/auth/totp', { password })).json<{ secret: string }>().secret
  const [first, second] = [await begin(), await begin()]
  t.not(first, second)
  t.equal((await post('/api/auth/totp/confirm', { code: codeOf(first) })).status, 400)
  t.equal((await post('/api/auth/totp/confirm', { code: codeOf(second) })).status, 200)
  t.equal((await post('/api/auth/totp', { password })).status, 409)
  t.equal((await post('/api/auth/totp/confirm', { code: codeOf(second, 1) })).status, 409)
})

t.test('without the password nothing about the second factor changes', async (t) => {
  const service = await start(t)
  const { call, person, factors } = service
  await withApp(service, person)
  const before = await factors(person)
  for (const [method, url] of CHANGES) {
    const ask = (body: unknown) => call(method, url, { as: person, body })
    t.equal((await ask({})).status, 400, `${method} ${url}`)
    t.equal((await ask(undefined)).status, 400, `${method} ${url}`)
    const wrong = await ask({ password: 'wrong' })
    t.equal(wrong.status, 403, `${method} ${url}`)
  }
  t.same(await factors(person), before)
})

t.test('guessing the password or a code soon has to wait', async (t) => {
  const service = await start(t, { LOGIN_TRIES_PAIR: '2', LOGIN_TRIES_CODE: '2' })
  const { call, post, signedUp } = service
  const one = await signedUp()
  const guess = () => call('POST', '/api/auth/totp', { as: one, body: { password: 'wrong' } })
  const statuses = [await guess(), await guess(), await guess(), await guess()].map(({ status }) => status)
  t.same(statuses, [403, 403, 403, 429])

  const { person } = service
  const { secret } = (await post('/api/auth/totp', { password: person.password })).json<{ secret: string }>()
  const confirm = (code: string) => post('/api/auth/totp/confirm', { code })
  for (let tries = 0; tries < 3; tries++) t.equal((await confirm(wrongCode(secret))).status, 400)
  const late = await confirm(codeOf(secret))
  t.equal(late.status, 429, 'the right one, too')
  t.match(late.headers['retry-after'], /^\d+$/)
})

t.test('only a person with a session may change factors, and keys may not even guess', async (t) => {
  const { call, person } = await start(t)
  const key = { ...person, credential: 'key:k1', scope: 'account' }
  const { password } = person
  for (const [method, url] of [...CHANGES, ['POST', '/api/auth/totp/confirm'] as const]) {
    const body = { password, code: '123456' }
    t.equal((await call(method, url, { body })).status, 401, `${method} ${url}`)
    t.equal((await call(method, url, { as: key, body })).status, 403, `${method} ${url}`)
  }
  t.equal((await call('GET', '/api/auth/second-factors')).status, 401)
  t.equal((await call('GET', '/api/auth/second-factors', { as: key })).status, 200)
})

t.test('a request that is repeated with its Idempotency-Key gets the same secret and the same codes', async (t) => {
  const { post, person, db } = await start(t)
  const headers = (key: string) => ({ headers: { 'idempotency-key': key } })
  const begin = () => post('/api/auth/totp', { password: person.password }, headers('begin'))
  const begun = await begin()
  t.equal((await begin()).text, begun.text)
  const { secret } = begun.json<{ secret: string }>()
  const code = codeOf(secret)
  const confirm = () => post('/api/auth/totp/confirm', { code }, headers('confirm'))
  const confirmed = await confirm()
  t.equal(confirmed.status, 200)
  const again = await confirm()
  t.equal(again.text, confirmed.text)
  t.equal(again.headers['idempotency-replayed'], 'true')
  const [first = ''] = confirmed.json<{ recovery_codes: string[] }>().recovery_codes
  const remembered = JSON.stringify(db.prepare('SELECT * FROM idempotency_keys').all())
  t.notMatch(remembered, secret)
  t.notMatch(remembered, first)
})

t.test('neither the secret nor a recovery code is in the file, and a secret opens for its account only', async (t) => {
  const service = await start(t)
  const { person, db, dataDir, config } = service
  const other = await service.signedUp()
  const { secret, recoveryCodes } = await withApp(service, person)
  await withApp(service, other)
  db.pragma('wal_checkpoint(TRUNCATE)')
  const file = readFileSync(path.join(dataDir, 'identity.db'))
  for (const clear of [secret, ...recoveryCodes, ...recoveryCodes.map((code) => code.replaceAll('-', ''))]) {
    t.notOk(file.includes(clear))
  }
  const keyring: Keyring = openKeyring(config)
  const store = createMfaStore(db, keyring)
  const mine = store.totp(person.user)
  t.ok(mine)
  t.notOk(file.includes(mine?.secret as Buffer))
  db.prepare('UPDATE totp SET secret_sealed = (SELECT secret_sealed FROM totp WHERE account_id = ?)').run(other.user)
  t.throws(() => store.totp(person.user), { name: 'SealRefused' })
})

t.test('the log says what was switched on and off, and nothing that is secret', async (t) => {
  const service = await start(t, { LOGIN_TRIES_CODE: '1' })
  const { call, post, person, events } = service
  const { password } = person
  const target = `account:${person.user}`
  const { secret } = (await post('/api/auth/totp', { password })).json<{ secret: string }>()
  await post('/api/auth/totp/confirm', { code: wrongCode(secret) })
  await post('/api/auth/totp/confirm', { code: codeOf(secret) })
  await post('/api/auth/totp/confirm', { code: codeOf(secret) })
  await post('/api/auth/recovery-codes', { password })
  await call('DELETE', '/api/auth/totp', { as: person, body: { password: 'wrong' } })
  await call('DELETE', '/api/auth/totp', { as: person, body: { password } })
  t.same(
    events.filter(({ target: of }) => of === target).map(({ event }) => event),
    [
      'totp.begun',
      'second-factor.failed',
      'totp.enabled',
      'recovery-codes.renewed',
      'confirmation.failed',
      'totp.disabled',
    ],
  )
  t.notMatch(JSON.stringify(events), secret)
})

t.test('an account without a password has nothing that a code could come after', async (t) => {
  const { call, person, signedIn, db } = await start(t)
  const { as } = await signedIn(person)
  db.prepare('UPDATE accounts SET password_hash = NULL').run()
  t.equal((await call('POST', '/api/auth/totp', { as, body: {} })).status, 409)
  t.equal((await call('POST', '/api/auth/totp', { as: person, body: {} })).status, 403, 'without a live session')
})

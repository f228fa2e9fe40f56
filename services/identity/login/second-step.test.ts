import { decodeJwt } from 'jose'
import t from 'tap'
import { withApp, wrongCode } from '../test/authenticator-app.ts'
import { identity, type Signed } from '../test/identity.ts'
import type { Test } from 'tap'

interface Asked {
  type: string
  detail: string
  mfa_token: string
  methods: string[]
}

const LOGIN = '/api/auth/login'
const CODE = '/api/auth/login/code'

async function withSecondFactor(t: Test, env: Record<string, string> = {}) {
  const service = await identity(t, env)
  const person = await service.signedUp()
  const { email, password } = person
  const app = await withApp(service, person)
  const login = (body: object = {}, headers: Record<string, string> = {}) =>
    service.call('POST', LOGIN, { body: { email, password, ...body }, headers })
  const send = (mfa_token: string, code: string) => service.call('POST', CODE, { body: { mfa_token, code } })
  const begin = async (body: object = {}) => (await login(body)).json<Asked>().mfa_token
  return { ...service, person, app, login, send, begin }
}

t.test('the password alone opens nothing: it gives a token for the second step', async (t) => {
  const { login, send, app, db, person } = await withSecondFactor(t)
  const asked = await login()
  t.equal(asked.status, 401)
  t.match(asked.json<Asked>(), {
    type: 'urn:najimban:problem:second-factor-required',
    mfa_token: /^[\w-]{43}$/,
    methods: ['totp', 'recovery'],
  })
  t.equal(asked.headers['cache-control'], 'no-store')
  t.equal(db.prepare('SELECT count(*) FROM sessions').pluck().get(), 0)
  const answer = await send(asked.json<Asked>().mfa_token, app.code())
  t.equal(answer.status, 200)
  t.match(decodeJwt(answer.json<Signed>().access_token), { sub: person.user, amr: ['pwd', 'otp', 'mfa'] })
})

t.test('password and code may come together', async (t) => {
  const { login, app } = await withSecondFactor(t)
  const answer = await login({ code: app.code() })
  t.equal(answer.status, 200)
  t.match(decodeJwt(answer.json<Signed>().access_token), { amr: ['pwd', 'otp', 'mfa'] })
  const wrong = await login({ code: wrongCode(app.secret) })
  t.equal(wrong.status, 401)
  t.match(wrong.json<Asked>(), { detail: 'The code is wrong, used or too old', mfa_token: /./ })
  t.equal((await login({ password: 'wrong', code: app.code() })).json<Asked>().mfa_token, undefined)
})

t.test('a recovery code is good once', async (t) => {
  const { begin, send, app } = await withSecondFactor(t)
  const [code] = app.recoveryCodes as [string]
  t.equal((await send(await begin(), code)).status, 200)
  t.equal((await send(await begin(), code)).status, 401)
})

t.test('a wrong code leaves the token good for another try; the right one uses it up', async (t) => {
  const { begin, send, app } = await withSecondFactor(t)
  const token = await begin()
  const wrong = await send(token, wrongCode(app.secret))
  t.equal(wrong.status, 401)
  t.match(wrong.json<Asked>(), { type: 'urn:najimban:problem:second-factor-required', mfa_token: token })
  t.equal((await send(token, app.code())).status, 200)
  const again = await send(token, app.code())
  t.equal(again.status, 401)
  t.match(again.json<Asked>(), { type: 'urn:najimban:problem:unauthenticated' })
})

t.test('of several requests with one token and a good code one gets a session', async (t) => {
  const { begin, send, app, db } = await withSecondFactor(t)
  const token = await begin()
  const [one, two] = app.recoveryCodes as [string, string]
  const answers = await Promise.all([send(token, one), send(token, two)])
  t.same(answers.map(({ status }) => status).sort(), [200, 401])
  t.equal(db.prepare('SELECT count(*) FROM sessions').pluck().get(), 1)
})

t.test('tenant and cookies are those that were asked for with the password', async (t) => {
  const { begin, send, app, accounts, person, signedUp } = await withSecondFactor(t)
  await signedUp({ tenant: 'team-b' })
  accounts.join(person.user, 'team-b' as never, 'operator')
  const answer = await send(await begin({ tenant: 'team-b', cookies: true }), app.code())
  t.equal(answer.status, 200)
  t.match(answer.json<Signed>(), { tenant: 'team-b', role: 'operator' })
  t.equal(answer.json<Signed>().access_token, undefined)
  t.equal(answer.cookies.length, 2)
})

t.test('guessing codes makes one wait, whatever the token', async (t) => {
  const { begin, send, app, db } = await withSecondFactor(t)
  for (let i = 0; i < 6; i++) t.equal((await send(await begin(), wrongCode(app.secret))).status, 401)
  db.prepare('UPDATE login_failures SET next = next + 60000 WHERE next > 0').run()
  const refused = await send(await begin(), app.code())
  t.equal(refused.status, 429)
  t.ok(Number(refused.headers['retry-after']) > 0)
})

t.test(
  'the token is void after its time, when it is invented, and for an account that is suspended meanwhile',
  async (t) => {
    const { begin, send, app, db, person, accounts } = await withSecondFactor(t)
    const token = await begin()
    db.prepare("UPDATE one_time_tokens SET expires = 1 WHERE purpose = 'second-step'").run()
    t.equal((await send(token, app.code())).status, 401)
    for (const invented of ['x', 'A'.repeat(43)]) t.equal((await send(invented, app.code())).status, 401)
    const meanwhile = await begin()
    accounts.update(person.user, { state: 'suspended' })
    t.equal((await send(meanwhile, app.code())).status, 401)
    t.equal(db.prepare('SELECT count(*) FROM sessions').pluck().get(), 0)
  },
)

t.test('ending the sessions of an account ends logins that wait for a code, too', async (t) => {
  const { begin, send, app, call, person } = await withSecondFactor(t)
  const token = await begin()
  t.equal((await call('DELETE', '/api/auth/sessions', { as: person })).status, 204)
  t.equal((await send(token, app.code())).status, 401)
})

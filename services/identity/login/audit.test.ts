import t from 'tap'
import { createOneTimeTokens } from '../accounts/one-time-tokens.ts'
import { SETUP } from '../setup/store.ts'
import { withApp, wrongCode } from '../test/authenticator-app.ts'
import { identity, type Signed } from '../test/identity.ts'

const LOGIN = '/api/auth/login'

t.test('the log says who signed in, who did not and why, and nothing that is secret', async (t) => {
  const service = await identity(t)
  const { call, events, db } = service
  const person = await service.signedUp()
  const { email, password, user } = person
  const suspended = await service.signedUp({ state: 'suspended' })
  const account = { target: `account:${user}` }
  const all: object[] = []
  function said(expected: object[]): void {
    const said = events.splice(0)
    all.push(...said)
    t.match(said, expected)
  }

  await call('POST', LOGIN, { body: { email: 'nobody@example.com', password } })
  said([{ event: 'login.failed', target: undefined, detail: { method: 'password' } }])
  await call('POST', LOGIN, { body: { email, password: 'wrong' } })
  said([{ event: 'login.failed', ...account }])
  await call('POST', LOGIN, { body: { email: suspended.email, password: suspended.password } })
  said([{ event: 'login.failed', target: `account:${suspended.user}`, detail: { state: 'suspended' } }])
  const first = await service.signedIn(person)
  said([
    { event: 'login.succeeded', actor: account.target, target: `session:${first.session}`, detail: { amr: 'pwd' } },
  ])

  const app = await withApp(service, person)
  events.length = 0
  const asked = await call('POST', LOGIN, { body: { email, password } })
  const { mfa_token } = asked.json<{ mfa_token: string }>()
  said([{ event: 'second-factor.required', ...account }])
  await call('POST', `${LOGIN}/code`, { body: { mfa_token, code: wrongCode(app.secret) } })
  said([{ event: 'second-factor.failed', ...account }])
  await call('POST', `${LOGIN}/code`, { body: { mfa_token: 'invented', code: app.code() } })
  said([{ event: 'second-factor.failed', target: undefined }])
  const code = app.code()
  const second = (await call('POST', `${LOGIN}/code`, { body: { mfa_token, code } })).json<Signed>()
  said([{ event: 'login.succeeded', detail: { amr: 'pwd otp mfa' } }])

  for (let i = 0; i < 6; i++) await call('POST', LOGIN, { body: { email, password: 'wrong' }, as: { ip: '10.0.0.1' } })
  db.prepare('UPDATE login_failures SET next = next + 60000 WHERE next > 0').run()
  events.length = 0
  await call('POST', LOGIN, { body: { email, password }, as: { ip: '10.0.0.1' } })
  said([{ event: 'login.throttled', ...account }])

  const { refresh_token } = second
  const everything = JSON.stringify(all)
  for (const secret of [password, email, mfa_token, code, refresh_token]) t.notMatch(everything, secret)
})

t.test('the log says what became of sessions', async (t) => {
  const service = await identity(t)
  const { call, events } = service
  const person = await service.signedUp()
  const { session, refresh_token, as } = await service.signedIn(person)
  const other = await service.signedIn(person)
  events.length = 0
  const about = { actor: `account:${person.user}`, target: `session:${session}` }
  const refresh = (token: string) => call('POST', '/api/auth/refresh', { body: { refresh_token: token } })
  await refresh(refresh_token)
  await refresh(refresh_token)
  await refresh('invented')
  await call('DELETE', '/api/auth/sessions/nothing', { as })
  await call('DELETE', '/api/auth/sessions', { as })
  await call('POST', '/api/auth/logout', { body: { refresh_token: other.refresh_token } })
  t.match(events, [
    { event: 'token.refreshed', ...about, tenant: 'default' },
    { event: 'token.reused', ...about },
    { event: 'token.refused', target: undefined },
    { event: 'session.revoked', target: 'session:nothing' },
    { event: 'session.revoked', target: `account:${person.user}` },
    { event: 'logout', target: undefined },
  ])
  t.notMatch(JSON.stringify(events), refresh_token)
})

t.test('the log says who became the first administrator', async (t) => {
  const { call, events, db } = await identity(t)
  const token = createOneTimeTokens(db).issue({ purpose: SETUP, ttl_s: 60 })
  const body = { email: 'admin@example.com', name: '관리자', password: '바른 말 고운 말 42' }
  await call('POST', '/api/auth/setup', { body: { ...body, token: 'wrong' } })
  await call('POST', '/api/auth/setup', { body: { ...body, token } })
  t.match(events, [
    { event: 'setup.refused' },
    { event: 'account.created', actor: /^account:/, target: /^account:/, detail: { role: 'admin', first: true } },
  ])
  t.notMatch(JSON.stringify(events), token)
})

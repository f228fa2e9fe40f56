import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { SESSION_COOKIES } from '#shared/access-token.ts'
import { ASSERTION_HEADER, verifyAssertion } from '#shared/assertion.ts'
import { until } from '#shared/test/until.ts'
import { identity, type Signed } from '../../services/identity/test/identity.ts'
import { ask, type Reply } from '../test/client.ts'
import { testGateway } from '../test/gateway.ts'

const FRONT_END = 'http://localhost:4000'

interface Sent {
  body?: object
  headers?: Record<string, string>
}

/** A gateway with access required before the real identity. */
async function start(t: Test) {
  const people = await identity(t)
  await people.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = people.app.server.address() as AddressInfo
  const folder = mkdtempSync(path.join(tmpdir(), 'najimban-gateway-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { INTERNAL_SECRET } = people.config
  const gateway = await testGateway(t, {
    ACCESS: 'required',
    DATA_DIR: folder,
    INTERNAL_SECRET: INTERNAL_SECRET as string,
    IDENTITY_URL: `http://127.0.0.1:${port}`,
    RATE_LIMIT_LOGIN: '1000',
  })
  const call = (method: string, url: string, { body, headers = {} }: Sent = {}): Promise<Reply> =>
    ask(gateway.url + url, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  /** Whom the calendar took the last request for. */
  const caller = () => {
    const token = gateway.calendar.received.at(-1)?.headers[ASSERTION_HEADER] as string
    return verifyAssertion(INTERNAL_SECRET as string, token, 'calendar', Math.floor(Date.now() / 1000))
  }
  const signIn = async (person: { email: string; password: string }) => {
    const answer = await call('POST', '/api/auth/login', { body: { email: person.email, password: person.password } })
    return answer.json<Signed>()
  }
  const use = async (token: string) =>
    (await call('GET', '/api/events', { headers: { authorization: `Bearer ${token}` } })).status
  const ends = (token: string) => until('its end', async () => (await use(token)) === 401, 5000)
  return { people, gateway, call, caller, signIn, use, ends }
}

t.test('who signs in is known to every service, and nobody any more who signs out', async (t) => {
  const { people, call, caller, signIn, use, ends } = await start(t)
  const person = await people.signedUp({ role: 'operator' })
  const { access_token } = await signIn(person)
  t.equal(await use(access_token), 200)
  t.match(caller(), { sub: person.user, tenant: 'default', roles: ['operator'], cred: /^session:/ })
  const headers = { authorization: `Bearer ${access_token}` }
  t.match((await call('GET', '/api/auth/me', { headers })).json(), { id: person.user })
  const another = await signIn(person)
  t.ok((await call('POST', '/api/auth/logout', { headers, body: {} })).status < 300)
  await ends(access_token)
  t.equal((await call('GET', '/api/auth/me', { headers })).status, 401)
  t.equal(await use(another.access_token), 200, 'other sessions go on')
})

t.test('who is suspended is out at once, and in again with a new token', async (t) => {
  const { people, call, signIn, use, ends } = await start(t)
  const person = await people.signedUp()
  const admin = await signIn(await people.signedUp({ role: 'admin' }))
  const { access_token } = await signIn(person)
  t.equal(await use(access_token), 200)
  const headers = { authorization: `Bearer ${admin.access_token}` }
  const decide = async (what: string) =>
    (await call('POST', `/api/admin/accounts/${person.user}/${what}`, { headers, body: {} })).status
  t.equal(await decide('suspend'), 200)
  await ends(access_token)
  t.equal(await decide('reinstate'), 200)
  t.equal(await use((await signIn(person)).access_token), 200, 'within the same second')
  t.equal(await use(access_token), 401)
})

t.test('a browser signs in, stays, and leaves by cookies alone', async (t) => {
  const { people, call, caller } = await start(t)
  const { email, password, user } = await people.signedUp()
  const cookiesOf = ({ headers }: Reply) =>
    (headers['set-cookie'] ?? []).map((field) => field.split(';', 1)[0] as string).join('; ')
  const headers = { origin: FRONT_END }
  const signed = await call('POST', '/api/auth/login', { headers, body: { email, password, cookies: true } })
  t.equal(signed.status, 200)
  t.notOk('access_token' in signed.json())
  const cookie = cookiesOf(signed)
  t.match(cookie, SESSION_COOKIES.access)
  const get = (sent: string) => call('GET', '/api/events', { headers: { cookie: sent } })
  t.equal((await get(cookie)).status, 200)
  t.equal(caller()?.sub, user)
  const refresh = (origin: string) =>
    call('POST', '/api/auth/refresh', { headers: { cookie, origin }, body: { cookies: true } })
  t.equal((await refresh('https://evil.example')).status, 403)
  const refreshed = await refresh(FRONT_END)
  t.equal(refreshed.status, 200)
  const next = cookiesOf(refreshed)
  t.equal((await get(next)).status, 200)
  const left = await call('POST', '/api/auth/logout', { headers: { ...headers, cookie: next }, body: {} })
  t.ok(left.status < 300)
  await until('the end', async () => (await get(next)).status === 401, 5000)
})

t.test('new signing keys send nobody away', async (t) => {
  const { people, call, signIn, use } = await start(t)
  const admin = await people.signedUp({ role: 'admin' })
  const { access_token } = await signIn(admin)
  const headers = { authorization: `Bearer ${access_token}` }
  t.ok((await call('POST', '/api/admin/signing-keys/rotate', { headers, body: {} })).status < 300)
  t.equal(await use(access_token), 200)
  t.equal(await use((await signIn(admin)).access_token), 200)
})

import { decodeJwt } from 'jose'
import t from 'tap'
import { SESSION_COOKIES } from '#shared/access-token.ts'
import { identity, type Identity, type Signed } from '../test/identity.ts'

interface SessionView {
  id: string
  tenant: string
  amr: string[]
  ip: string
  user_agent: string
  created_at: string
  last_used_at: string
  expires_at: string
  current: boolean
}

const REFRESH = '/api/auth/refresh'
const DAY_MS = 86_400_000

const refresh = ({ call }: Identity, refresh_token: string, more: object = {}) =>
  call('POST', REFRESH, { body: { refresh_token, ...more } })

const sidOf = (signed: Signed) => decodeJwt(signed.access_token).sid as string

const revoked = ({ db }: Identity) =>
  db.prepare('SELECT subject FROM revocations ORDER BY seq').pluck().all() as string[]

t.test('a refresh gives new tokens of the same session; the old refresh token is used up', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp({ role: 'operator' })
  const first = await service.signedIn(person)
  const answer = await refresh(service, first.refresh_token)
  t.equal(answer.status, 200)
  t.equal(answer.headers['cache-control'], 'no-store')
  const second = answer.json<Signed>()
  t.equal(sidOf(second), first.session)
  t.not(second.refresh_token, first.refresh_token)
  t.not(second.access_token, first.access_token)
  t.match(second, { token_type: 'Bearer', role: 'operator', account: { id: person.user } })
  t.equal((await refresh(service, second.refresh_token)).status, 200)
})

t.test('a refresh token that comes twice ends its session everywhere, and no other', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp()
  const [stolen, other] = [await service.signedIn(person), await service.signedIn(person)]
  const second = (await refresh(service, stolen.refresh_token)).json<Signed>()
  const third = (await refresh(service, second.refresh_token)).json<Signed>()
  const reused = await refresh(service, stolen.refresh_token)
  t.equal(reused.status, 401)
  t.same(revoked(service), [`session:${stolen.session}`])
  for (const { refresh_token } of [stolen, second, third]) {
    t.equal((await refresh(service, refresh_token)).status, 401)
  }
  t.same(revoked(service), [`session:${stolen.session}`], 'once is enough')
  t.equal((await refresh(service, other.refresh_token)).status, 200)
})

t.test('of several refreshes at once with one token at most one succeeds, and then all is over', async (t) => {
  const service = await identity(t)
  const { refresh_token, session } = await service.signedIn(await service.signedUp())
  const answers = await Promise.all(Array.from({ length: 5 }, () => refresh(service, refresh_token)))
  const won = answers.filter(({ status }) => status === 200)
  t.ok(won.length <= 1)
  for (const answer of won) t.equal((await refresh(service, answer.json<Signed>().refresh_token)).status, 401)
  t.same(revoked(service), [`session:${session}`])
})

t.test('REFRESH_REUSE_GRACE_S lets clients that lost an answer come again for that long', async (t) => {
  const service = await identity(t, { REFRESH_REUSE_GRACE_S: '60' })
  const { refresh_token, session } = await service.signedIn(await service.signedUp())
  const [one, two] = [await refresh(service, refresh_token), await refresh(service, refresh_token)]
  t.equal(one.status, 200)
  t.equal(two.status, 200)
  t.equal((await refresh(service, one.json<Signed>().refresh_token)).status, 200)
  service.db.prepare('UPDATE refresh_tokens SET used = used - 60000 WHERE used IS NOT NULL').run()
  t.equal((await refresh(service, refresh_token)).status, 401)
  t.same(revoked(service), [`session:${session}`])
})

t.test('no refresh token is in the database, and none that is invented is good', async (t) => {
  const service = await identity(t)
  const { refresh_token } = await service.signedIn(await service.signedUp())
  t.notOk(Buffer.from(service.db.serialize()).includes(refresh_token))
  for (const invented of ['x', '', 'A'.repeat(43), refresh_token.slice(1), `${refresh_token}A`, '🧭']) {
    t.equal((await refresh(service, invented)).status, invented === '' ? 400 : 401, invented)
  }
  for (const faulty of [{ refresh_token: 1 }, { refresh_token: ['x'] }, { refresh_token: 'x'.repeat(129) }, []]) {
    t.equal((await service.call('POST', REFRESH, { body: faulty })).status, 400, JSON.stringify(faulty))
  }
  t.equal((await service.call('POST', REFRESH)).status, 401, 'without any')
  t.equal((await refresh(service, refresh_token)).status, 200)
})

t.test('a refresh asks anew who the account is: role, tenant and state are those of now', async (t) => {
  const service = await identity(t)
  const { accounts } = service
  const person = await service.signedUp({ role: 'viewer' })
  await service.signedUp({ tenant: 'team-b' })
  let token = (await service.signedIn(person)).refresh_token
  const next = async (more: object = {}) => {
    const answer = await refresh(service, token, more)
    if (answer.status === 200) token = answer.json<Signed>().refresh_token
    return answer
  }
  accounts.join(person.user, 'default' as never, 'auditor')
  t.match((await next()).json<Signed>(), { role: 'auditor', tenant: 'default' })
  t.equal((await next({ tenant: 'team-b' })).status, 403, 'no role there yet')
  accounts.join(person.user, 'team-b' as never, 'operator')
  t.match((await next({ tenant: 'team-b' })).json<Signed>(), { role: 'operator', tenant: 'team-b' })
  t.match((await next()).json<Signed>(), { tenant: 'team-b' }, 'it stays there')
  accounts.leave(person.user, 'team-b' as never)
  t.equal((await next()).status, 403)
  t.match((await next({ tenant: 'default' })).json<Signed>(), { tenant: 'default' })
  accounts.update(person.user, { state: 'suspended' })
  t.equal((await next()).status, 401)
  accounts.update(person.user, { state: 'approved' })
  t.equal((await next()).status, 200, 'a refusal has not used it up')
})

t.test('a session ends when nobody uses it, and after its longest time however much it is used', async (t) => {
  const service = await identity(t, { SESSION_TTL_DAYS: '30', SESSION_IDLE_DAYS: '14' })
  const { db } = service
  const age = (days: number) => {
    const back = `strftime('%Y-%m-%dT%H:%M:%fZ', `
    db.prepare(
      `UPDATE sessions SET created_at = ${back}created_at, ?), last_used_at = ${back}last_used_at, ?),
       expires_at = ${back}expires_at, ?)`,
    ).run(...(Array(3).fill(`-${days} days`) as string[]))
  }
  const person = await service.signedUp()
  let token = (await service.signedIn(person)).refresh_token
  const use = async () => {
    const answer = await refresh(service, token)
    if (answer.status === 200) token = answer.json<Signed>().refresh_token
    return answer.status
  }
  for (const days of [13, 13]) {
    age(days)
    t.equal(await use(), 200)
  }
  const { expires_at, created_at } = db.prepare('SELECT * FROM sessions').get() as SessionView
  t.equal(Date.parse(expires_at) - Date.parse(created_at), 30 * DAY_MS)
  age(5)
  t.equal(await use(), 401, '31 days after its beginning')
  token = (await service.signedIn(person)).refresh_token
  age(15)
  t.equal(await use(), 401, 'idle for 15 days')
})

t.test('a browser gets its tokens as cookies that scripts and other hosts cannot read', async (t) => {
  const service = await identity(t, { SESSION_TTL_DAYS: '30', SESSION_IDLE_DAYS: '14' })
  const { email, password } = await service.signedUp()
  const body = { email, password, cookies: true }
  const answer = await service.call('POST', '/api/auth/login', { body })
  t.equal(answer.status, 200)
  for (const member of ['access_token', 'refresh_token', 'token_type']) t.notOk(member in answer.json<object>(), member)
  t.match(answer.json<Signed>(), { account: { email }, tenant: 'default', role: 'viewer', expires_in: 600 })
  const fields = answer.headers['set-cookie'] as unknown as string[]
  t.match(fields[0], /^__Host-najimban-access=ey[\w.-]+; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  t.match(fields[1], /^__Host-najimban-refresh=[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  const maxAge = Number(/Max-Age=(\d+)/.exec(fields[1] as string)?.[1])
  t.ok(maxAge > 14 * 86_400 - 60 && maxAge <= 14 * 86_400)
})

const cookieOf = (answer: { cookies: { name: string; value: string }[] }, name: keyof typeof SESSION_COOKIES) =>
  answer.cookies.find((cookie) => cookie.name === SESSION_COOKIES[name])?.value as string

t.test('a refresh and a logout by cookie', async (t) => {
  const service = await identity(t)
  const { email, password } = await service.signedUp()
  const body = { email, password, cookies: true }
  const login = await service.call('POST', '/api/auth/login', { body })
  const cookie = (value: string) => ({ cookie: `theme=dark; ${SESSION_COOKIES.refresh}=${value}` })
  const first = cookieOf(login, 'refresh')
  const answer = await service.call('POST', REFRESH, { headers: cookie(first) })
  t.equal(answer.status, 200)
  t.notOk('access_token' in answer.json<object>())
  const second = cookieOf(answer, 'refresh')
  t.not(second, first)
  const logout = await service.call('POST', '/api/auth/logout', { headers: cookie(second) })
  t.equal(logout.status, 204)
  t.match(logout.headers['set-cookie'], [/^__Host-najimban-access=; Max-Age=0/, /^__Host-najimban-refresh=; Max-Age=0/])
  const after = await service.call('POST', REFRESH, { headers: cookie(second) })
  t.equal(after.status, 401)
  t.equal(cookieOf(after, 'refresh'), '', 'the browser forgets what is good for nothing')
})

t.test('a browser that signs in again loses the session that it had', async (t) => {
  const service = await identity(t)
  const { email, password, user } = await service.signedUp()
  const login = (headers = {}) =>
    service.call('POST', '/api/auth/login', { body: { email, password, cookies: true }, headers })
  const first = cookieOf(await login(), 'refresh')
  const second = cookieOf(await login({ cookie: `${SESSION_COOKIES.refresh}=${first}` }), 'refresh')
  t.equal(service.db.prepare('SELECT count(*) FROM sessions WHERE account_id = ?').pluck().get(user), 1)
  t.equal((await refresh(service, first)).status, 401)
  t.equal((await refresh(service, second)).status, 200)
})

t.test('a logout ends the session of the access token, of the refresh token, or none, and says the same', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp()
  const [one, two, three] = [
    await service.signedIn(person),
    await service.signedIn(person),
    await service.signedIn(person),
  ]
  const logout = (asked: object) => service.call('POST', '/api/auth/logout', asked)
  t.equal((await logout({ as: one.as })).status, 204)
  t.equal((await logout({ body: { refresh_token: two.refresh_token } })).status, 204)
  t.equal((await logout({ body: { refresh_token: 'unknown' } })).status, 204)
  t.equal((await logout({})).status, 204)
  t.equal((await logout({ as: { ...person, credential: 'key:k1' } })).status, 204, 'a key has no session')
  t.same(revoked(service), [`session:${one.session}`, `session:${two.session}`])
  t.equal((await refresh(service, one.refresh_token)).status, 401)
  t.equal((await refresh(service, three.refresh_token)).status, 200)
  await logout({ as: three.as, body: { refresh_token: three.refresh_token } })
  t.equal(revoked(service).length, 3)
})

t.test('an account sees where it is signed in, and nobody else does', async (t) => {
  const service = await identity(t)
  const { call } = service
  const person = await service.signedUp()
  const { email, password } = person
  const headers = { 'user-agent': `나침반 앱/1.0 ${'x'.repeat(400)}` }
  await call('POST', '/api/auth/login', { body: { email, password }, headers, as: { ip: '203.0.113.9' } })
  const mine = await service.signedIn(person)
  await service.signedIn(await service.signedUp())
  const { sessions } = (await call('GET', '/api/auth/sessions', { as: mine.as })).json<{ sessions: SessionView[] }>()
  t.equal(sessions.length, 2)
  t.match(sessions[0], { id: mine.session, current: true, tenant: 'default', amr: ['pwd'], ip: '192.0.2.7' })
  t.match(sessions[1], { current: false, ip: '203.0.113.9', user_agent: /^나침반 앱\/1\.0 x+$/ })
  t.equal(sessions[1]?.user_agent.length, 255)
  t.notOk('account_id' in (sessions[0] as object))
  t.equal((await call('GET', '/api/auth/sessions')).status, 401)
})

t.test('a session is ended by its account only, and at once', async (t) => {
  const service = await identity(t)
  const { call } = service
  const person = await service.signedUp()
  const stranger = await service.signedIn(await service.signedUp())
  const [here, there] = [await service.signedIn(person), await service.signedIn(person)]
  const end = (id: string, as: object) => call('DELETE', `/api/auth/sessions/${id}`, { as })
  t.equal((await end(there.session, stranger.as)).status, 404)
  t.equal((await end('nothing', here.as)).status, 404)
  t.equal((await end(there.session, { ...here.as, credential: 'key:k1' })).status, 403, 'not by a key')
  t.equal((await call('DELETE', `/api/auth/sessions/${there.session}`)).status, 401)
  t.same(revoked(service), [])
  t.equal((await end(there.session, here.as)).status, 204)
  t.same(revoked(service), [`session:${there.session}`])
  t.equal((await refresh(service, there.refresh_token)).status, 401)
  t.equal((await end(there.session, here.as)).status, 404)
})

t.test('all other sessions end at once', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp()
  const other = await service.signedIn(await service.signedUp())
  const [here, ...there] = [
    await service.signedIn(person),
    await service.signedIn(person),
    await service.signedIn(person),
  ]
  t.equal((await service.call('DELETE', '/api/auth/sessions', { as: here.as })).status, 204)
  t.same(revoked(service).sort(), there.map(({ session }) => `session:${session}`).sort())
  for (const { refresh_token } of there) t.equal((await refresh(service, refresh_token)).status, 401)
  for (const { refresh_token } of [here, other]) t.equal((await refresh(service, refresh_token)).status, 200)
})

t.test('an account has a greatest number of sessions: the one that was not used for longest makes room', async (t) => {
  const service = await identity(t, { SESSIONS_MAX: '3' })
  const person = await service.signedUp()
  const oldest = await service.signedIn(person)
  const second = await service.signedIn(person)
  service.db.prepare("UPDATE sessions SET last_used_at = '2026-01-01T00:00:00.000Z'").run()
  const used = (await refresh(service, oldest.refresh_token)).json<Signed>()
  await service.signedIn(person)
  await service.signedIn(person)
  t.same(revoked(service), [`session:${second.session}`])
  t.equal((await refresh(service, used.refresh_token)).status, 200)
  t.equal(service.db.prepare('SELECT count(*) FROM sessions').pluck().get(), 3)
})

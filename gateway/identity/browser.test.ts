import type { ServerResponse } from 'node:http'
import t from 'tap'
import { SESSION_COOKIES } from '#shared/access-token.ts'
import { until } from '#shared/test/until.ts'
import { lastCaller } from '../test/caller.ts'
import { ask } from '../test/client.ts'
import { testGateway } from '../test/gateway.ts'

const REQUIRED = { ACCESS: 'required', CORS_ORIGINS: 'http://localhost:4000', PUBLIC_URL: 'http://localhost:5000' }
const FRONT_END = 'http://localhost:4000'
const UNSAFE = ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']
const SAFE = ['GET', 'HEAD', 'OPTIONS']
const access = (token: string) => `theme=dark; ${SESSION_COOKIES.access}=${token}; lang=ko`

t.test("a browser's session is in its cookie", async (t) => {
  const gateway = await testGateway(t, REQUIRED)
  const token = await gateway.people.token()
  const cred = async (cookie: string) => {
    const { status } = await ask(`${gateway.url}/api/events`, { headers: { cookie } })
    return status === 200 ? lastCaller(gateway, 'calendar')?.cred : status
  }
  t.equal(await cred(access(token)), 'session:s1')
  t.equal(await cred(`${SESSION_COOKIES.access}=${token}`), 'session:s1')
  t.notOk('cookie' in (gateway.calendar.received.at(-1)?.headers ?? {}), 'the calendar does not learn it')
  t.equal(await cred(`x${SESSION_COOKIES.access}=${token}`), 401)
  t.equal(await cred(`${SESSION_COOKIES.access}x=${token}`), 401)
  t.equal(await cred(`najimban-access=${token}`), 401, 'a name that any host may set')
  t.equal(await cred(`__HOST-najimban-access=${token}`), 401)
  t.equal(await cred(`${access(token)}; ${SESSION_COOKIES.access}=${token}`), 401, 'twice is ambiguous')
  t.equal(await cred(`${SESSION_COOKIES.refresh}=${token}`), 401)
  t.equal(await cred(`${SESSION_COOKIES.access}=`), 401)
  t.equal(
    await cred(`${SESSION_COOKIES.access}=njm_k1_0123456789abcdef0123456789abcdef`),
    401,
    'keys are not for cookies',
  )
  t.equal(gateway.people.asked.length, 0)
})

t.test('a session that is over does not keep a browser from signing in anew', async (t) => {
  const gateway = await testGateway(t, REQUIRED)
  const past = Math.floor(Date.now() / 1000) - 100
  const headers = { cookie: access(await gateway.people.token({ claims: { exp: past } })), origin: FRONT_END }
  for (const path of ['/api/auth/login', '/api/auth/refresh', '/oauth/interaction/x']) {
    t.equal((await ask(gateway.url + path, { method: 'POST', headers })).status, 200, path)
    t.match(lastCaller(gateway, 'identity'), { roles: [] })
    t.equal(lastCaller(gateway, 'identity')?.sub, undefined)
    t.match(gateway.identity.received.at(-1)?.headers, { cookie: headers.cookie })
  }
  const refused = await ask(`${gateway.url}/api/events`, { headers })
  t.equal(refused.status, 401)
  t.match(refused.headers['www-authenticate'], 'The token has expired')
  const key = { 'x-tenant': 'default', 'x-api-key': 'collector-key' }
  t.equal((await ask(`${gateway.url}/reports`, { headers: { ...headers, ...key } })).status, 200)
})

t.test('another site can change nothing with the cookies of a browser', async (t) => {
  const gateway = await testGateway(t, REQUIRED)
  const cookie = access(await gateway.people.token())
  const status = async (method: string, more: Record<string, string>, path = '/api/events', sent = cookie) =>
    (await ask(gateway.url + path, { method, headers: { host: 'localhost:5000', cookie: sent, ...more } })).status
  const foreign: Record<string, string>[] = [
    {},
    { origin: 'null' },
    { origin: 'https://evil.example' },
    { origin: 'http://localhost:4001' },
    { origin: 'http://localhost:5000.evil.example' },
    { origin: 'https://localhost:4000' },
    { origin: 'no origin at all' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'SAME-ORIGIN' },
    { 'sec-fetch-site': 'cross-site', origin: 'http://localhost:5001' },
    { referer: 'http://localhost:5000/' },
  ]
  for (const headers of foreign) {
    for (const method of UNSAFE) t.equal(await status(method, headers), 403, `${method} ${JSON.stringify(headers)}`)
    for (const path of ['/api/auth/refresh', '/api/auth/logout', '/reports', '/oauth/interaction/x']) {
      t.equal(await status('POST', headers, path), 403, path)
      t.equal(await status('POST', headers, path, `${SESSION_COOKIES.refresh}=r`), 403, `${path} by refresh token`)
    }
    for (const method of SAFE) t.equal(await status(method, headers), 200, `${method} ${JSON.stringify(headers)}`)
  }
  const own: Record<string, string>[] = [
    { origin: FRONT_END },
    { origin: FRONT_END, 'sec-fetch-site': 'same-site' },
    { origin: 'http://localhost:5000' },
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'same-origin', origin: 'null' },
    { 'sec-fetch-site': 'none' },
  ]
  for (const headers of own) {
    for (const method of UNSAFE) t.equal(await status(method, headers), 200, `${method} ${JSON.stringify(headers)}`)
  }
  t.equal(await status('POST', { host: 'api.example', origin: 'https://api.example' }), 200, 'its own host')
  t.equal(await status('POST', { host: 'api.example', origin: 'https://API.example:443' }), 200)
  t.equal(await status('POST', { host: 'api.example', origin: 'https://api.example:8443' }), 403)
})

t.test('what a browser does not send by itself needs no origin', async (t) => {
  const gateway = await testGateway(t, REQUIRED)
  const authorization = `Bearer ${await gateway.people.token()}`
  const status = async (headers: Record<string, string>, path = '/api/events') =>
    (await ask(gateway.url + path, { method: 'POST', headers })).status
  t.equal(await status({ authorization }), 200)
  t.equal(await status({ authorization, cookie: 'theme=dark' }), 200, 'cookies of others are nothing')
  t.equal(await status({ cookie: 'theme=dark' }, '/api/auth/login'), 200)
})

t.test('the password that a browser remembers for a Basic challenge is not for other sites', async (t) => {
  const gateway = await testGateway(t, REQUIRED)
  gateway.people.knows(
    { basic: { username: 'alice', password: 'secret' } },
    { credential: 'app-password:p1', subjects: [], user: 'alice', tenant: 'default', role: 'viewer', scope: 'caldav' },
  )
  const authorization = `Basic ${Buffer.from('alice:secret').toString('base64')}`
  const status = async (headers: Record<string, string>) =>
    (await ask(`${gateway.url}/api/calendar/dav/x`, { method: 'PUT', headers: { authorization, ...headers } })).status
  t.equal(await status({}), 200, 'calendar clients are no browsers')
  t.equal(await status({ origin: 'https://evil.example' }), 403)
  t.equal(await status({ 'sec-fetch-site': 'cross-site' }), 403)
  t.equal(await status({ 'sec-fetch-site': 'same-origin' }), 200)
})

t.test('in open access another site can change nothing with the cookies either', async (t) => {
  const gateway = await testGateway(t, { ...REQUIRED, ACCESS: 'open' })
  const cookie = access('not even a token')
  const post = (headers: Record<string, string>) =>
    ask(`${gateway.url}/api/events`, { method: 'POST', headers: { cookie, ...headers } })
  t.equal((await post({ origin: 'https://evil.example' })).status, 403)
  t.equal((await post({ origin: FRONT_END })).status, 200)
  await until('the row in the audit log', () => gateway.people.rows.length > 0)
  t.match(gateway.people.rows, [
    {
      event: 'credential.refused',
      method: 'POST',
      path: '/api/events',
      status: 403,
      detail: '{"reason":"cross-origin"}',
    },
  ])
  t.equal(gateway.people.rows.length, 1, 'what was not refused is for the service to record')
})

t.test('pages of identity bring their own policy, answers of others have ours', async (t) => {
  const page = {
    'content-security-policy': "default-src 'none'; style-src 'sha256-x'",
    'referrer-policy': 'same-origin',
  }
  const answer = (_request: unknown, response: ServerResponse) =>
    void response.writeHead(200, { ...page, 'set-cookie': ['a=1', 'b=2'], 'cache-control': 'no-store' }).end()
  const gateway = await testGateway(t, {}, { identity: answer, diary: answer })
  const theirs = await ask(`${gateway.url}/oauth/interaction/x`)
  t.match(theirs.headers, {
    ...page,
    'cache-control': 'no-store',
    'x-frame-options': 'DENY',
    'set-cookie': ['a=1', 'b=2'],
  })
  const other = await ask(`${gateway.url}/api/diaries`)
  t.match(other.headers['content-security-policy'], "frame-ancestors 'none'")
  t.equal(other.headers['referrer-policy'], 'no-referrer')
})

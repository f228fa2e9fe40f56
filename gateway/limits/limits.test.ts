import t from 'tap'
import { ROUTE_PERMISSIONS } from '#shared/route-permissions.ts'
import { until } from '#shared/test/until.ts'
import { ask, type Reply } from '../test/client.ts'
import { testGateway } from '../test/gateway.ts'
import { LIMIT_CLASSES, limitClassOf } from './classes.ts'

const MONITOR_KEY = 'm'.repeat(64)
const KEY = { 'x-tenant': 'default', 'x-api-key': 'collector-key' }
/** Every class with a budget of its own size, so that an answer shows which one was used. */
const BUDGETS = {
  RATE_LIMIT_GENERAL: '11',
  RATE_LIMIT_WRITE: '12',
  RATE_LIMIT_UPLOAD: '13',
  RATE_LIMIT_LOGIN: '14',
  RATE_LIMIT_INGEST: '15',
}
const numbers = ({ headers }: Reply) => [Number(headers['x-ratelimit-limit']), Number(headers['x-ratelimit-remaining'])]

t.test('every kind of request belongs to one class', async (t) => {
  for (const [method, url, name] of [
    ['GET', '/api/events', 'general'],
    ['HEAD', '/api/events', 'general'],
    ['PROPFIND', '/api/calendar/dav', 'general'],
    ['REPORT', '/api/calendar/dav', 'general'],
    ['POST', '/api/events', 'write'],
    ['PUT', '/api/events/1', 'write'],
    ['DELETE', '/api/diaries?id=1', 'write'],
    ['MKCALENDAR', '/api/calendar/dav/x', 'write'],
    ['POST', '/api/diaries', 'write'],
    ['POST', '/api/diaries/1/images', 'upload'],
    ['POST', '/api/diary/diaries/1/images?x=1', 'upload'],
    ['POST', '/api/diaries/1/%69mages', 'upload'],
    ['POST', '/api/diaries/1%2Fimages', 'upload'],
    ['POST', '/api/diaries/%zz/images', 'upload'],
    ['GET', '/api/diaries/1/images', 'general'],
    ['POST', '/ingest/qc', 'ingest'],
    ['POST', '/api/collector/ingest/qc', 'ingest'],
    ['POST', '/ingestion', 'write'],
    ['GET', '/ingest/qc', 'general'],
    ['POST', '/api/auth/login', 'login'],
    ['POST', '/api/auth/login/code', 'login'],
    ['POST', '/api/auth/%6cogin/', 'login'],
    ['POST', '/api/auth/signup', 'login'],
    ['POST', '/api/auth/setup', 'login'],
    ['PUT', '/api/auth/password', 'login'],
    ['POST', '/api/auth/password/forgot', 'login'],
    ['POST', '/api/auth/password/reset', 'login'],
    ['POST', '/api/auth/verify-email', 'login'],
    ['POST', '/api/auth/passkeys/login', 'login'],
    ['POST', '/api/auth/totp/confirm', 'login'],
    ['POST', '/oauth/interaction/a-b_c', 'login'],
    ['POST', '/oauth/device', 'login'],
    ['POST', '/oauth/device/auth', 'write'],
    ['POST', '/oauth/token', 'write'],
    ['POST', '/oauth/introspection', 'write'],
    ['GET', '/oauth/interaction/a-b_c', 'general'],
    ['GET', '/api/auth/login', 'general'],
    ['GET', '/api/auth/me', 'general'],
    ['POST', '/api/auth/refresh', 'write'],
    ['POST', '/api/auth/logout', 'write'],
    ['POST', '/api/auth/passkeys', 'write'],
    ['DELETE', '/api/auth/sessions/1', 'write'],
    ['GET', '/reports?x=/ingest/', 'general'],
  ] as const) {
    t.equal(limitClassOf(method, url), name, `${method} ${url}`)
  }
})

t.test(
  'what strangers may try at identity is limited as an attempt, unless nothing can be guessed by it',
  async (t) => {
    const others = [
      'POST /api/auth/refresh', // tokens of 256 bits
      'POST /api/auth/logout',
      'POST /api/auth/passkeys/login/options',
      'POST /oauth/par', // applications: their secrets are as long, and they ask for many users
      'POST /oauth/token',
      'POST /oauth/introspection',
      'POST /oauth/revocation',
      'POST /oauth/userinfo',
      'POST /oauth/device/auth',
      'POST /oauth/session/end/confirm',
    ]
    for (const route of ROUTE_PERMISSIONS.identity.public ?? []) {
      const [method = '', url = ''] = route.split(' ')
      if (method === 'GET') continue
      t.equal(limitClassOf(method, url.replaceAll(/:\w+/g, 'x')), others.includes(route) ? 'write' : 'login', route)
    }
  },
)

t.test('each class has its own budget and says what is left of it', async (t) => {
  const gateway = await testGateway(t, BUDGETS)
  for (const [method, path, max, name] of [
    ['GET', '/api/events', 11, 'general'],
    ['POST', '/api/events', 12, 'write'],
    ['POST', '/api/diaries/1/images', 13, 'upload'],
    ['POST', '/api/auth/login', 14, 'login'],
    ['POST', '/ingest/qc', 15, 'ingest'],
  ] as const) {
    const first = await ask(gateway.url + path, { method })
    const second = await ask(gateway.url + path, { method })
    t.same(numbers(first), [max, max - 1], name)
    t.same(numbers(second), [max, max - 2], name)
    t.match(second.headers, {
      'x-ratelimit-reset': /^\d{1,3}$/,
      'ratelimit-policy': `"${name}";q=${max};w=900`,
      ratelimit: new RegExp(`^"${name}";r=${max - 2};t=\\d+$`),
    })
    t.ok(Number(second.headers['x-ratelimit-reset']) <= 900)
  }
  t.equal(Object.keys(LIMIT_CLASSES).length, 5)
})

t.test('beyond the budget comes 429 with the time to wait, and the others go on', async (t) => {
  const gateway = await testGateway(t, { RATE_LIMIT_GENERAL: '2' })
  const get = (headers = {}) => ask(`${gateway.url}/api/events`, { headers })
  await get()
  t.same(numbers(await get()), [2, 0])
  const refused = await get()
  t.equal(refused.status, 429)
  t.match(refused.headers, {
    'content-type': 'application/problem+json; charset=utf-8',
    'retry-after': /^[1-9]\d*$/,
    'x-ratelimit-limit': '2',
    'x-ratelimit-remaining': '0',
    'x-request-id': /./,
  })
  t.match(refused.json(), { status: 429, error: 'Too many requests', message: /budget of 2 general requests/ })
  t.equal(gateway.calendar.received.length, 2, 'the service is spared')
  t.equal((await ask(`${gateway.url}/api/events`, { method: 'POST' })).status, 200, 'another class goes on')
  t.equal((await get(KEY)).status, 200, 'a verified key has a budget of its own')
  t.equal((await get({ ...KEY, 'x-api-key': 'invented' })).status, 429, 'an invented one has not')
  t.equal((await get({ 'x-user-id': 'another' })).status, 429, 'nor has a name')
  t.equal((await get({ 'x-forwarded-for': '203.0.113.1' })).status, 429, 'nor has an address that anybody can write')
})

t.test('a verified key has one budget, wherever it comes from', async (t) => {
  const gateway = await testGateway(t, { RATE_LIMIT_INGEST: '2', TRUSTED_PROXIES: '127.0.0.1' })
  const post = async (headers: Record<string, string>) =>
    (await ask(`${gateway.url}/ingest/qc`, { method: 'POST', headers, body: '{}' })).status
  t.equal(await post({ ...KEY, 'x-forwarded-for': '203.0.113.1' }), 200)
  t.equal(await post({ ...KEY, 'x-forwarded-for': '203.0.113.2' }), 200)
  t.equal(await post({ ...KEY, 'x-forwarded-for': '203.0.113.3' }), 429)
  t.equal(await post({ 'x-forwarded-for': '203.0.113.3' }), 200)
  t.equal(await post({ 'x-forwarded-for': '2001:db8::1' }), 200)
  t.equal(await post({ 'x-forwarded-for': '2001:db8::2' }), 200)
  t.equal(await post({ 'x-forwarded-for': '2001:db8::3' }), 429, 'one /64 is one client')
})

t.test('unknown paths count, probes do not', async (t) => {
  const gateway = await testGateway(t, { RATE_LIMIT_GENERAL: '3' })
  for (const path of ['/health', '/health/live', '/health/ready']) {
    for (let i = 0; i < 4; i++) {
      const answer = await ask(gateway.url + path)
      t.equal(answer.status, 200, path)
      t.notOk('x-ratelimit-limit' in answer.headers, path)
    }
  }
  const statuses = []
  for (let i = 0; i < 4; i++) statuses.push((await ask(`${gateway.url}/nope${i}`)).status)
  t.same(statuses, [404, 404, 404, 429])
})

t.test("the monitor uses nobody's budget, and nobody else does so with a wrong key", async (t) => {
  const gateway = await testGateway(t, { RATE_LIMIT_GENERAL: '1', MONITOR_KEY })
  const get = async (key?: string) =>
    (await ask(`${gateway.url}/api/events`, { headers: key === undefined ? {} : { 'x-monitor-key': key } })).status
  for (let i = 0; i < 5; i++) t.equal(await get(MONITOR_KEY), 200)
  t.equal(gateway.calendar.received[0]?.headers['x-monitor-key'], undefined, 'its key stays here')
  t.equal(await get('n'.repeat(64)), 200)
  t.equal(await get('n'.repeat(64)), 429)
  t.equal(await get(MONITOR_KEY), 200)
})

t.test('when the window has passed the budget is whole again', async (t) => {
  const gateway = await testGateway(t, { RATE_LIMIT_GENERAL: '2', RATE_LIMIT_WINDOW_MS: '500' })
  await until('a refusal', async () => (await ask(`${gateway.url}/api/events`)).status === 429)
  const answer = await until('the next window', async () => {
    const next = await ask(`${gateway.url}/api/events`)
    return next.status === 200 && next
  })
  t.same(numbers(answer), [2, 1])
})

t.test('the standard budget holds a front end that makes 82 requests a page', async (t) => {
  const { config } = await testGateway(t)
  t.ok(config.RATE_LIMIT_GENERAL >= 1000)
  t.equal(config.RATE_LIMIT_WINDOW_MS, 15 * 60 * 1000)
})

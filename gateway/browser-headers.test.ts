import t from 'tap'
import { readConfig } from '#shared/config.ts'
import { settings } from './config.ts'
import { ask } from './test/client.ts'
import { testGateway } from './test/gateway.ts'

const FRONT_END = 'http://localhost:4000'
const CONTRACT_ALLOWED =
  'content-type authorization x-user-id x-tenant x-api-key if-none-match if-match idempotency-key'.split(' ')
const CONTRACT_EXPOSED =
  'ETag X-RateLimit-Limit X-RateLimit-Remaining X-RateLimit-Reset Retry-After X-Request-Id'.split(' ')
const OTHERS = ['http://evil.example', 'http://localhost:4000.evil.example', 'https://localhost:4000', 'null']

const preflight = (url: string, origin: string, method = 'PUT') =>
  ask(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'content-type,x-user-id,if-match',
    },
  })

const words = (field: unknown) => String(field).split(/,\s*/)

t.test('a front end may ask everything that the contract lists, with credentials', async (t) => {
  const gateway = await testGateway(t)
  const answer = await preflight(`${gateway.url}/api/events/1`, FRONT_END)
  t.equal(answer.status, 204)
  t.match(answer.headers, { 'access-control-allow-origin': FRONT_END, 'access-control-allow-credentials': 'true' })
  t.match(answer.headers.vary, /origin/i)
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    t.ok(words(answer.headers['access-control-allow-methods']).includes(method), method)
  }
  for (const name of CONTRACT_ALLOWED) {
    t.ok(words(answer.headers['access-control-allow-headers']).includes(name), name)
  }
  t.equal(gateway.calendar.received.length, 0, 'the gateway answers it itself')
})

t.test('a front end may read the answers, the refusals too', async (t) => {
  const gateway = await testGateway(t, { RATE_LIMIT_WRITE: '1' })
  const headers = { origin: FRONT_END }
  const answers = [
    await ask(`${gateway.url}/api/events`, { headers }),
    await ask(`${gateway.url}/nope`, { headers }),
    await ask(`${gateway.url}/health`, { headers }),
    await ask(`${gateway.url}/api//events`, { headers }),
    await ask(`${gateway.url}/api/events`, { method: 'POST', headers }),
    await ask(`${gateway.url}/api/events`, { method: 'POST', headers }),
  ]
  t.same(
    answers.map((answer) => answer.status),
    [200, 404, 200, 400, 200, 429],
  )
  for (const answer of answers) {
    const what = String(answer.status)
    t.equal(answer.headers['access-control-allow-origin'], FRONT_END, what)
    t.equal(answer.headers['access-control-allow-credentials'], 'true', what)
    t.match(answer.headers.vary, /origin/i, what)
    for (const name of CONTRACT_EXPOSED) {
      t.ok(words(answer.headers['access-control-expose-headers']).includes(name), `${what} ${name}`)
    }
  }
})

t.test('an origin that is not listed is told nothing', async (t) => {
  const gateway = await testGateway(t)
  for (const origin of OTHERS) {
    for (const answer of [
      await ask(`${gateway.url}/api/events`, { headers: { origin } }),
      await preflight(`${gateway.url}/api/events`, origin),
    ]) {
      t.equal(answer.headers['access-control-allow-origin'], undefined, origin)
      if (answer.status === 200) t.notOk('access-control-allow-credentials' in answer.headers, origin)
      t.match(answer.headers.vary, /origin/i, 'a cache must not mix them up')
    }
  }
})

t.test('the list of origins is a setting', async (t) => {
  const gateway = await testGateway(t, { CORS_ORIGINS: 'https://a.example, https://b.example' })
  const allowed = async (origin: string) =>
    (await ask(`${gateway.url}/api/events`, { headers: { origin } })).headers['access-control-allow-origin']
  t.equal(await allowed('https://a.example'), 'https://a.example')
  t.equal(await allowed('https://b.example'), 'https://b.example')
  t.equal(await allowed(FRONT_END), undefined)
})

t.test('what no browser sends as an origin is refused as a setting', async (t) => {
  for (const wrong of ['http://localhost:4000/', '*', 'localhost:4000', 'http://a.example/x']) {
    t.throws(() => readConfig(settings, { CORS_ORIGINS: `http://ok.example, ${wrong}` }), { message: /^CORS_ORIGINS / })
  }
  t.same(readConfig(settings, { CORS_ORIGINS: '' }).CORS_ORIGINS, [])
})

t.test('a preflight is answered before any limit', async (t) => {
  const gateway = await testGateway(t, { RATE_LIMIT_GENERAL: '1', RATE_LIMIT_WRITE: '1' })
  for (let i = 0; i < 5; i++) t.equal((await preflight(`${gateway.url}/api/events`, FRONT_END)).status, 204)
  t.equal((await ask(`${gateway.url}/api/events`)).status, 200, "and uses nobody's budget")
  t.equal((await ask(`${gateway.url}/api/events`)).status, 429)
  t.equal((await preflight(`${gateway.url}/api/events`, FRONT_END)).status, 204)
})

t.test('OPTIONS that is no preflight belongs to the calendar', async (t) => {
  const gateway = await testGateway(t)
  await ask(`${gateway.url}/api/calendar/dav/`, { method: 'OPTIONS' })
  await ask(`${gateway.url}/api/calendar/dav/`, { method: 'OPTIONS', headers: { origin: FRONT_END } })
  t.same(
    gateway.calendar.received.map(({ method }) => method),
    ['OPTIONS', 'OPTIONS'],
  )
})

t.test('every answer carries the security headers, proxied or not', async (t) => {
  const gateway = await testGateway(
    t,
    {},
    { diary: (_request, response) => response.writeHead(200, { 'content-security-policy': 'default-src *' }).end() },
  )
  for (const path of [
    '/api/events',
    '/api/diaries',
    '/health',
    '/nope',
    '/api//events',
    '/api/events/%zz',
    '/openapi.json',
  ]) {
    const { headers } = await ask(gateway.url + path)
    t.match(
      headers,
      {
        'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'strict-transport-security': /max-age=\d+/,
        'cross-origin-resource-policy': 'same-site',
        'x-request-id': /^[\w-]+$/,
      },
      path,
    )
    t.notOk('x-powered-by' in headers, path)
    t.notOk('server' in headers, path)
  }
})

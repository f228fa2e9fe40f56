import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import t from 'tap'
import { ASSERTION_HEADER, signAssertion, verifyAssertion } from '#shared/assertion.ts'
import { DEFAULT_USER } from '#shared/caller.ts'
import { ConfigError, readConfig } from '#shared/config.ts'
import { settings } from './config.ts'
import { ask, raw, statusOf } from './test/client.ts'
import { SECRET, testGateway } from './test/gateway.ts'

const now = () => Math.floor(Date.now() / 1000)

t.test('the assertion says who asks, what for and from where, and is good for this service only', async (t) => {
  const gateway = await testGateway(t)
  for (const [asked, upstream] of [
    ['/api/events', 'calendar'],
    ['/api/diaries', 'diary'],
    ['/reports', 'collector'],
  ] as const) {
    await ask(gateway.url + asked, { headers: { 'x-user-id': 'me', 'x-request-id': 'rid-1' } })
    const token = gateway[upstream].received.at(-1)?.headers[ASSERTION_HEADER] as string
    const claims = verifyAssertion(SECRET, token, upstream, now())
    t.match(claims, { aud: upstream, sub: 'me', tenant: 'default', roles: ['admin'], rid: 'rid-1', ip: '127.0.0.1' })
    t.equal(verifyAssertion(SECRET, token, 'another', now()), undefined)
    t.equal(verifyAssertion(`${SECRET}!`, token, upstream, now()), undefined)
    t.equal(verifyAssertion(SECRET, token, upstream, now() + 3600), undefined, 'it expires')
  }
})

t.test('without a name the caller is the default user, and too long a name is refused', async (t) => {
  const gateway = await testGateway(t)
  for (const headers of [{}, { 'x-user-id': '' }]) {
    await ask(`${gateway.url}/api/events`, { headers })
    const token = gateway.calendar.received.at(-1)?.headers[ASSERTION_HEADER] as string
    t.equal(verifyAssertion(SECRET, token, 'calendar', now())?.sub, DEFAULT_USER)
  }
  const answer = await ask(`${gateway.url}/api/events`, { headers: { 'x-user-id': 'u'.repeat(256) } })
  t.equal(answer.status, 400)
  t.match(answer.json(), { errors: [{ in: 'headers', field: 'x-user-id' }] })
})

t.test(
  'with access required calendar and diary want a credential, and the collector looks at its own keys',
  async (t) => {
    const gateway = await testGateway(t, { ACCESS: 'required' })
    for (const asked of ['/api/events', '/api/diaries']) {
      const answer = await ask(gateway.url + asked, { headers: { 'x-user-id': 'me' } })
      t.equal(answer.status, 401, asked)
      t.match(answer.json(), { error: 'Authentication is required' })
      t.equal(answer.headers['www-authenticate'], 'Bearer')
    }
    const headers = { 'x-tenant': 'default', 'x-api-key': 'collector-key', 'x-user-id': 'me' }
    t.equal((await ask(`${gateway.url}/reports`, { headers })).status, 200)
    const sent = gateway.collector.received.at(-1)?.headers
    t.match(sent, { 'x-tenant': 'default', 'x-api-key': 'collector-key' })
    const claims = verifyAssertion(SECRET, sent?.[ASSERTION_HEADER] as string, 'collector', now())
    t.equal(claims?.sub, undefined, 'nobody is named without proof')
    t.same(claims?.roles, [])
    t.same([gateway.calendar.received, gateway.diary.received], [[], []])
  },
)

t.test('a header from outside reaches a service only when the table allows it', async (t) => {
  const gateway = await testGateway(t)
  const forged = signAssertion('a key that the caller has made up..', {
    aud: 'calendar',
    exp: now() + 30,
    sub: 'admin',
    tenant: 'default',
    roles: ['admin'],
    rid: 'r',
    ip: '10.0.0.1',
  })
  const dropped = {
    cookie: 'session=secret',
    'x-forwarded-for': '10.0.0.1',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    'x-forwarded-prefix': '/evil',
    forwarded: 'for=10.0.0.1',
    'x-real-ip': '10.0.0.1',
    'x-original-url': '/admin',
    'x-rewrite-url': '/admin',
    'x-http-method-override': 'DELETE',
    'x-method-override': 'DELETE',
    'x-user-id': 'me',
    'x-api-key': 'collector-key',
    'x-tenant': 'default',
    'x-monitor-key': 'k',
    'x-internal-anything': '1',
    x_user_id: 'admin',
    x_najimban_assertion: forged,
    content_length: '5',
    te: 'trailers',
    trailer: 'x-sum',
    'keep-alive': 'timeout=5',
    'proxy-authorization': 'Basic eA==',
    'proxy-connection': 'keep-alive',
    upgrade: 'websocket',
    'http2-settings': 'AAMAAABkAAQAAP__',
    authorization: 'Bearer x',
  }
  const fields = {
    host: 'localhost',
    ...dropped,
    [ASSERTION_HEADER]: forged,
    'idempotency-key': 'k',
    connection: 'close, x-request-id, x-najimban-assertion, idempotency-key, upgrade',
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  t.equal(statusOf(await raw(gateway.port, `GET /api/events HTTP/1.1\r\n${lines.join('')}\r\n`)), 200)
  const got = gateway.calendar.received.at(-1)?.headers ?? {}
  for (const name of Object.keys(dropped)) t.notOk(name in got, name)
  t.not(got[ASSERTION_HEADER], forged)
  t.equal(verifyAssertion(SECRET, got[ASSERTION_HEADER] as string, 'calendar', now())?.sub, 'me')
  t.ok(got['x-request-id'], 'Connection cannot take away what the gateway adds')
  t.notOk('idempotency-key' in got, 'what Connection nominates ends here')

  const kept = {
    accept: 'application/json',
    'accept-encoding': 'br',
    'accept-language': 'ko',
    'content-type': 'application/json',
    'idempotency-key': 'k',
    'if-match': '"a"',
    'if-none-match': '"b"',
    'last-event-id': '7',
    'user-agent': 'test',
    depth: '0',
    destination: '/api/calendar/x',
    overwrite: 'F',
  }
  await ask(`${gateway.url}/api/events`, { headers: kept })
  t.match(gateway.calendar.received.at(-1)?.headers, kept)
})

t.test('X-Forwarded-For is believed from the named reverse proxies only', async (t) => {
  const ipSeen = async (env: Record<string, string>) => {
    const gateway = await testGateway(t, env)
    await ask(`${gateway.url}/api/events`, { headers: { 'x-forwarded-for': '10.0.0.1, 203.0.113.9' } })
    const token = gateway.calendar.received.at(-1)?.headers[ASSERTION_HEADER] as string
    return verifyAssertion(SECRET, token, 'calendar', now())?.ip
  }
  t.equal(await ipSeen({}), '127.0.0.1')
  t.equal(await ipSeen({ TRUSTED_PROXIES: '10.9.9.9' }), '127.0.0.1')
  t.equal(await ipSeen({ TRUSTED_PROXIES: '127.0.0.1' }), '203.0.113.9', 'the last hop that is not trusted')
})

t.test('in open access a page whose name points to this machine gets nothing', async (t) => {
  const gateway = await testGateway(t, { CORS_ORIGINS: 'http://localhost:4000,https://home.example' })
  const asked = async (host: string) => (await ask(`${gateway.url}/api/events`, { headers: { host } })).status
  for (const host of ['localhost', 'LOCALHOST:5000', 'app.localhost:1', '127.0.0.1:5000', '[::1]:5000', '192.168.0.2'])
    t.equal(await asked(host), 200, host)
  for (const host of [
    'evil.example',
    'evil.example:5000',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.1x',
  ])
    t.equal(await asked(host), 403, host)
  t.equal(await asked('home.example'), 200, 'a front end of CORS_ORIGINS has its own name')
  const strict = await testGateway(t, { ACCESS: 'required' })
  const key = { 'x-tenant': 'default', 'x-api-key': 'collector-key', host: 'qc.example' }
  t.equal((await ask(`${strict.url}/reports`, { headers: key })).status, 200, 'with access required any name will do')
})

t.test('fields that two servers could read differently are refused when they come twice', async (t) => {
  const gateway = await testGateway(t)
  const twice = async (lines: string) =>
    raw(gateway.port, `POST /api/events HTTP/1.1\r\nConnection: close\r\n${lines}\r\n\r\n`)
  for (const [name, lines] of Object.entries({
    Host: 'Host: localhost\r\nHost: b',
    Authorization: 'Host: localhost\r\nAuthorization: Bearer 1\r\nauthorization: Bearer 2',
    'Content-Length': 'Host: localhost\r\nContent-Length: 0\r\nContent-Length: 0',
    'Content-Length and Transfer-Encoding':
      'Host: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0',
    'Transfer-Encoding':
      'Host: localhost\r\nTransfer-Encoding: identity, chunked\r\nTransfer-Encoding: chunked\r\n\r\n0',
    'X-User-Id': 'Host: localhost\r\nX-User-Id: 1\r\nX-User-Id: 2',
    'a folded line': 'Host: localhost\r\nX-User-Id: a\r\n b',
    'a space before the colon': 'Host: localhost\r\nX-User-Id : a',
    'a bare line feed': 'Host: localhost\r\nX-A: b\nX-User-Id: c',
    'no Host': 'Accept: */*',
  })) {
    const answer = await twice(lines)
    t.equal(statusOf(answer), 400, name)
  }
  t.match(await twice('Host: localhost\r\nHost: b'), /application\/problem\+json.*"The header Host was sent twice"/s)
  t.same(gateway.calendar.received, [])
})

t.test('a body whose end two servers could see elsewhere is refused, and nothing behind it is read', async (t) => {
  const gateway = await testGateway(t)
  const hidden = 'GET /api/todos HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const send = (version: string, coding: string) =>
    raw(
      gateway.port,
      `POST /api/events HTTP/${version}\r\nHost: localhost\r\nConnection: keep-alive\r\n` +
        `Transfer-Encoding: ${coding}\r\n\r\n2\r\n{}\r\n0\r\n\r\n${hidden}`,
    )
  for (const [version, coding] of [
    ['1.1', 'gzip, chunked'],
    ['1.1', 'identity, chunked'],
    ['1.0', 'chunked'],
  ] as const) {
    const answer = await send(version, coding)
    t.equal(statusOf(answer), 400, `${version} ${coding}`)
    t.equal(answer.match(/HTTP\/1\.1 \d/g)?.length, 1, 'one answer and the end of the connection')
  }
  t.same(gateway.calendar.received, [])
})

t.test('a path that two servers could read differently is refused', async (t) => {
  const gateway = await testGateway(t)
  const unsafe = [
    '/api/events/%00',
    '/api/events/%0d%0aX:1',
    '/api/events/%0D',
    '/api/events/%0a',
    '/api/events/%1f',
    '/api/events/%7f',
    '/api/events/%252e%252e/x',
    '/api/events/%252E',
    '/api/events/%252f',
    '/api/events/%25252f',
    '/api//events',
    '//api/events',
    '/api/events//',
    '/api/events\\..\\x',
    '/api/events/%5c..',
    '/api/events/%5C',
    '/api/events/../diaries',
    '/api/events/./x',
    '/api/events/%2e%2e/diaries',
    '/api/events/.%2E/diaries',
    '/api/events/%2e',
    '/api/events/..%2fdiaries',
    '/api/events/..',
    '/api/events/..;/x',
    '/api/events#x',
    '/%61pi/events',
    '/api/event%73',
    '/api/%64iary/diaries',
  ]
  for (const path of unsafe) {
    const answer = await raw(gateway.port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    t.equal(statusOf(answer), 400, path)
  }
  for (const target of ['http://evil.example/api/events', 'evil.example:443']) {
    const answer = await raw(gateway.port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    t.equal(statusOf(answer), 400, target)
  }
  t.same(gateway.calendar.received, [])
  for (const path of [
    '/api/events/%ED%95%9C%EA%B8%80',
    '/api/events/a%2Fb',
    '/api/events/a%25b',
    '/api/events/a.b/..c',
  ]) {
    const answer = await raw(gateway.port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    t.equal(statusOf(answer), 200, path)
    t.equal(gateway.calendar.received.at(-1)?.url, path.replace('/api', '/api/calendar'), 'sent on as it came')
  }
})

t.test('open access on an address that others reach is refused', async (t) => {
  for (const HOST of ['0.0.0.0', '::', '192.168.1.4', 'example.org']) {
    t.throws(
      () => readConfig(settings, { HOST }),
      new ConfigError([`HOST=${HOST} is not loopback, so ACCESS must be required: open access would let anyone in`]),
    )
    t.doesNotThrow(() => readConfig(settings, { HOST, ACCESS: 'required', API_KEYS: 'team:key' }))
  }
  for (const HOST of ['127.0.0.1', 'localhost', '::1', '127.9.9.9'])
    t.doesNotThrow(() => readConfig(settings, { HOST }))
})

t.test('the process says so in one line and ends with 78', async (t) => {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'main.ts')], {
    env: { ...process.env, HOST: '0.0.0.0', GATEWAY_PORT: '0', DATA_DIR: t.testdir({}) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (part: string) => (said += part))
  const [code] = (await once(child, 'close')) as [number]
  t.equal(code, 78)
  const lines = said.split('\n').filter((line) => line !== '')
  t.equal(lines.length, 1, said)
  t.match(lines[0], /^gateway: HOST=0\.0\.0\.0 is not loopback/)
})

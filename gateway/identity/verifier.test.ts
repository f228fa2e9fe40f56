import t from 'tap'
import { until } from '#shared/test/until.ts'
import type { Verified } from '#shared/verified.ts'
import { ask } from '../test/client.ts'
import { testGateway } from '../test/gateway.ts'
import { refusals } from '../test/metrics.ts'

const KEY = 'njm_k1_0123456789abcdef0123456789abcdef'
const REQUIRED = { ACCESS: 'required' }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const key = (more: Partial<Verified> = {}): Verified => ({
  credential: 'key:k1',
  subjects: ['key:k1'],
  tenant: 'default',
  role: 'viewer',
  scope: 'calendar:read',
  ...more,
})

async function start(t: Parameters<typeof testGateway>[0], env: Record<string, string> = {}) {
  const gateway = await testGateway(t, { ...REQUIRED, ...env })
  const get = async (credential: string) =>
    (await ask(`${gateway.url}/api/events`, { headers: bearer(credential) })).status
  return { ...gateway, get }
}

t.test('identity is asked once about a key, however often it is used', async (t) => {
  const { people, get, metrics } = await start(t)
  people.knows({ key: KEY }, key())
  for (let i = 0; i < 5; i++) t.equal(await get(KEY), 200)
  t.equal(people.asked.length, 1)
  const page = await metrics.registry.metrics()
  t.match(page, /gateway_credentials_total\{result="remembered"[^}]*\} 4/)
  t.match(page, /gateway_credentials_total\{result="verified"[^}]*\} 1/)
  t.match(page, /gateway_credentials_remembered\{[^}]*\} 1/)
})

t.test('requests that come together with one credential share its verification', async (t) => {
  const { people, get } = await start(t)
  people.knows({ key: KEY }, key())
  const { promise, resolve } = Promise.withResolvers<void>()
  people.state.hold = promise
  const statuses = Promise.all(Array.from({ length: 20 }, () => get(KEY)))
  await until('the question', () => people.asked.length > 0)
  await new Promise((done) => setTimeout(done, 50))
  resolve()
  t.same(await statuses, Array<number>(20).fill(200))
  t.equal(people.asked.length, 1)
})

t.test('what identity said is believed for a while, at most until the credential expires', async (t) => {
  const { people, get } = await start(t, { IDENTITY_CACHE_TTL_S: '1' })
  people.knows({ key: KEY }, key())
  t.equal(await get(KEY), 200)
  await until('another question', async () => (await get(KEY)) === 200 && people.asked.length === 2, 5000)

  const brief = await start(t)
  brief.people.knows({ key: KEY }, key({ expires: Date.now() + 300 }))
  t.equal(await brief.get(KEY), 200)
  await until('another question', async () => (await brief.get(KEY)) === 200 && brief.people.asked.length > 1, 5000)
})

t.test('a token is good until it expires, also when it is remembered', async (t) => {
  const { people, get } = await start(t, { CLOCK_TOLERANCE_S: '0' })
  const token = await people.token({ claims: { exp: Math.floor(Date.now() / 1000) + 2 } })
  t.equal(await get(token), 200)
  await until('its end', async () => (await get(token)) === 401, 5000)
})

t.test('a credential that was refused is not looked at again for a second', async (t) => {
  const { people, get } = await start(t)
  for (let i = 0; i < 10; i++) t.equal(await get(KEY), 401)
  t.ok(people.asked.length <= 2)
  people.knows({ key: KEY }, key())
  await until('another look', async () => (await get(KEY)) === 200, 5000)
})

t.test('who tries many credentials uses up the budget of the network, and who is known goes on', async (t) => {
  const { people, get, url, metrics } = await start(t, { RATE_LIMIT_VERIFY: '3' })
  people.knows({ key: KEY }, key())
  t.equal(await get(KEY), 200)
  for (let i = 0; i < 2; i++) t.equal(await get(`${KEY}${i}`), 401)
  const refused = await ask(`${url}/api/events`, { headers: bearer(`${KEY}9`) })
  t.equal(refused.status, 429)
  t.match(refused.headers['retry-after'], /^[1-9]\d*$/)
  t.equal(await get(await people.token()), 429, 'whatever it is')
  t.equal(people.asked.length, 3, 'identity is spared')
  t.equal(await get(KEY), 200)
  t.equal(await get('not.a.token'), 401, 'what costs nothing is free')
  t.match(await refusals(metrics), { budget: 2, inactive: 2 })
  const reasons = () => people.rows.map(({ status, detail }) => `${status} ${detail ?? ''}`)
  await until('a row for each refusal', () => reasons().length === 5)
  t.same(reasons(), [
    '401 {"reason":"inactive"}',
    '401 {"reason":"inactive"}',
    '429 {"reason":"budget"}',
    '429 {"reason":"budget"}',
    '401 {"reason":"header"}',
  ])
})

t.test('only so many credentials are verified at a time', async (t) => {
  const { people, get } = await start(t, { IDENTITY_PENDING_MAX: '2' })
  people.knows({ key: KEY }, key())
  const { promise, resolve } = Promise.withResolvers<void>()
  people.state.hold = promise
  const first = [get(`${KEY}1`), get(`${KEY}2`)]
  await until('both questions', () => people.asked.length === 2)
  t.equal(await get(KEY), 503)
  resolve()
  t.same(await Promise.all(first), [401, 401])
  t.equal(await get(KEY), 200)
})

t.test('an answer of identity that says less than it must lets nobody in', async (t) => {
  const { people, get } = await start(t)
  const wrong: Record<string, unknown>[] = [
    { role: 'root' },
    { role: undefined },
    { tenant: '' },
    { credential: undefined },
    { subjects: undefined },
    { subjects: [1] },
    { user: '' },
    { scope: undefined },
    { expires: 'never' },
  ]
  for (const [i, more] of wrong.entries()) {
    people.knows({ key: `${KEY}${i}` }, { ...key(), ...more } as Verified)
    t.equal(await get(`${KEY}${i}`), 503, JSON.stringify(more))
  }
})

t.test('identity that does not answer in time is as good as away', async (t) => {
  const { people, get } = await start(t, { IDENTITY_TIMEOUT_MS: '50' })
  const { promise, resolve } = Promise.withResolvers<void>()
  people.state.hold = promise
  people.knows({ key: KEY }, key())
  t.equal(await get(KEY), 503)
  resolve()
  people.state.hold = undefined
  t.equal(await get(KEY), 200)
})

t.test('requests count for the user who is verified, wherever they come from', async (t) => {
  const { people, url } = await start(t, {
    RATE_LIMIT_GENERAL: '2',
    RATE_LIMIT_LOGIN: '2',
    TRUSTED_PROXIES: '127.0.0.1',
  })
  people.knows({ key: KEY }, key({ user: 'alice' }))
  people.knows({ key: `${KEY}2` }, key({ credential: 'key:k2' }))
  const get = async (credential: string, from: string, path = '/api/events', method = 'GET') => {
    const headers = { ...(credential === '' ? {} : bearer(credential)), 'x-forwarded-for': from }
    return (await ask(url + path, { headers, method })).status
  }
  t.equal(await get(KEY, '203.0.113.1'), 200)
  t.equal(await get(await people.token(), '203.0.113.2'), 200, 'the same person by another credential')
  t.equal(await get(KEY, '203.0.113.3'), 429)
  await until('the refusal in the audit log', () => people.rows.length > 0)
  t.match(people.rows, [{ actor: 'account:alice', credential: 'key:k1', status: 429, ip: '203.0.113.3' }])
  t.equal(await get(`${KEY}2`, '203.0.113.3'), 200, 'a key of nobody counts for itself')
  t.equal(await get('', '203.0.113.3'), 401)
  t.equal(await get('', '203.0.113.3'), 401)
  t.equal(await get('', '203.0.113.3'), 429, 'refusals count, too')
  for (const [credential, status] of [
    [KEY, 200],
    ['', 200],
    [`${KEY}2`, 429],
  ] as const) {
    t.equal(
      await get(credential, '203.0.113.4', '/api/auth/login', 'POST'),
      status,
      "attempts to sign in are the network's",
    )
  }
})

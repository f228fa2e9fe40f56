import t from 'tap'
import { identity, type As } from '../test/identity.ts'

interface View {
  keys: { kid: string; state: string; created_at: string; signs_from: string; signs_until?: string }[]
}

const ADMIN: As = { user: 'a', role: 'admin', credential: 'session:1' }
const PATH = '/api/admin/signing-keys'

t.test('anybody gets the public keys, with how long they may be kept, and asks again for nothing', async (t) => {
  const { call } = await identity(t)
  const answer = await call('GET', '/.well-known/jwks.json')
  t.equal(answer.status, 200)
  t.match(answer.headers, { 'cache-control': 'public, max-age=300', etag: /^".+"$/ })
  const { keys } = answer.json<{ keys: object[] }>()
  t.same(Object.keys(keys[0] as object).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x'])
  const headers = { 'if-none-match': answer.headers.etag as string }
  t.equal((await call('GET', '/.well-known/jwks.json', { headers })).status, 304)
})

t.test('rotating on demand publishes the next key, and nobody is logged out', async (t) => {
  const { call, signedUp, signedIn } = await identity(t)
  const { as, refresh_token } = await signedIn(await signedUp({ role: 'admin' }))
  const answer = await call('POST', `${PATH}/rotate`, { as })
  t.equal(answer.status, 200, answer.text)
  t.equal(answer.headers['cache-control'], 'no-store')
  const { keys } = answer.json<View>()
  t.same(
    keys.map(({ state }) => state),
    ['signing', 'next'],
  )
  t.equal(keys[0]?.signs_until, keys[1]?.signs_from)
  t.notMatch(answer.text, /"d"|private/)
  t.same((await call('GET', PATH, { as })).json(), { keys })
  const published = (await call('GET', '/.well-known/jwks.json')).json<{ keys: { kid: string }[] }>()
  t.same(
    published.keys.map(({ kid }) => kid),
    keys.map(({ kid }) => kid),
  )
  t.equal((await call('POST', '/api/auth/refresh', { body: { refresh_token } })).status, 200)
})

t.test('a withdrawn key is gone at once', async (t) => {
  const { call } = await identity(t)
  const [before] = (await call('GET', PATH, { as: ADMIN })).json<View>().keys
  const { keys } = (await call('POST', `${PATH}/rotate`, { as: ADMIN, body: { withdraw: true } })).json<View>()
  t.match(keys, [{ state: 'signing' }])
  t.not(keys[0]?.kid, before?.kid)
  t.equal((await call('POST', `${PATH}/rotate`, { as: ADMIN, body: { withdraw: 'perhaps' } })).status, 400)
})

t.test('a rotation that is sent again with its Idempotency-Key is one', async (t) => {
  const { call } = await identity(t)
  const headers = { 'idempotency-key': 'once' }
  const withdraw = () => call('POST', `${PATH}/rotate`, { as: ADMIN, headers, body: { withdraw: true } })
  t.equal((await withdraw()).text, (await withdraw()).text)
})

t.test('signing and encryption keys are for administrators of the whole installation only', async (t) => {
  const { call } = await identity(t)
  for (const [method, url] of [
    ['GET', PATH],
    ['POST', `${PATH}/rotate`],
    ['GET', '/api/admin/encryption'],
    ['POST', '/api/admin/encryption/rotate'],
  ] as const) {
    const statusOf = async (as: As) => (await call(method, url, { as })).status
    t.equal(await statusOf({}), 401, url)
    t.equal(await statusOf({ ...ADMIN, role: 'auditor' }), 403, url)
    t.equal(await statusOf({ ...ADMIN, tenant: 'other' }), 403, url)
    t.equal(await statusOf({ ...ADMIN, scope: 'account' }), 403, url)
    t.ok((await statusOf(ADMIN)) < 300, url)
    t.ok(
      (await statusOf({ role: 'admin', scope: 'admin', credential: 'key:of-the-tenant' })) < 300,
      `${url} by a key of no person`,
    )
  }
})

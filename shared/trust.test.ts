import t from 'tap'
import { ASSERTION_TTL_S, signAssertion, type Claims } from './assertion.ts'
import { DEFAULT_USER } from './caller.ts'
import { secret, service } from './test/notes.ts'

t.test('with access required only the word of the gateway counts', async (t) => {
  const { app } = await service(t, { ACCESS: 'required' })
  const now = Math.floor(Date.now() / 1000)
  const claims: Claims = {
    aud: 'calendar',
    exp: now + 30,
    sub: 'me',
    tenant: 'default',
    roles: [],
    rid: 'r',
    ip: '::1',
  }
  const get = async (token?: string) => {
    const headers = token === undefined ? {} : { 'x-najimban-assertion': token }
    return (await app.inject({ url: '/notes', headers: { 'x-user-id': 'me', ...headers } })).statusCode
  }
  t.equal(await get(), 401)
  t.equal(await get(signAssertion(secret, claims)), 200)
  t.equal(await get(signAssertion('another secret of 32 characters..', claims)), 401)
  t.equal(await get(signAssertion(secret, { ...claims, aud: 'diary' })), 401)
  t.equal(await get(signAssertion(secret, { ...claims, exp: now - 1 })), 401)
  t.equal(await get(signAssertion(secret, { ...claims, exp: now + ASSERTION_TTL_S * 2 })), 401)
  t.equal(await get(`${signAssertion(secret, claims)}x`), 401)
  const { sub: _sub, ...nobody } = claims
  t.equal(await get(signAssertion(secret, nobody)), 401, 'own things need somebody')
  t.equal(await get(signAssertion(secret, { ...nobody, cred: 'key:1' })), 403, 'whom a key of a tenant is not')
  t.equal(await get('rubbish'), 401)
  t.equal((await app.inject('/health/live')).statusCode, 200)
})

t.test('in open access a direct call under a foreign host name is refused', async (t) => {
  const { app } = await service(t)
  for (const [host, status] of [
    ['localhost:5001', 200],
    ['127.0.0.1:5001', 200],
    ['[::1]', 200],
    ['evil.example:5001', 403],
  ] as const) {
    t.equal((await app.inject({ url: '/notes', headers: { host } })).statusCode, status, host)
  }
})

t.test('without a name the caller is the default user, and a name has a longest length', async (t) => {
  const { app, database } = await service(t)
  await app.inject({ method: 'POST', url: '/notes', payload: { text: 'mine' } })
  t.same(database?.prepare('SELECT owner FROM notes').all(), [{ owner: DEFAULT_USER }])
  const get = async (user: string) => (await app.inject({ url: '/notes', headers: { 'x-user-id': user } })).statusCode
  t.equal(await get('u'.repeat(255)), 200)
  t.equal(await get('u'.repeat(256)), 400)
})

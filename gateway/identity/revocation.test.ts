import t from 'tap'
import { until } from '#shared/test/until.ts'
import type { Verified } from '#shared/verified.ts'
import { ask } from '../test/client.ts'
import { testGateway } from '../test/gateway.ts'
import { newPair } from '../test/identity.ts'

const KEY = 'njm_k1_0123456789abcdef0123456789abcdef'
const REQUIRED = { ACCESS: 'required' }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

async function start(t: Parameters<typeof testGateway>[0], env: Record<string, string> = {}) {
  const gateway = await testGateway(t, { ...REQUIRED, ...env })
  const get = async (credential: string) =>
    (await ask(`${gateway.url}/api/events`, { headers: bearer(credential) })).status
  const becomes = (credential: string, status: number) =>
    until(`${status}`, async () => (await get(credential)) === status, 5000)
  return { ...gateway, get, becomes }
}

const keyOf = (user: string): Verified => ({
  credential: 'key:k1',
  subjects: ['key:k1', `account:${user}`],
  user,
  tenant: 'default',
  role: 'viewer',
  scope: 'calendar:read',
})

t.test('what is revoked is refused at once, and also when it is seen for the first time', async (t) => {
  const { people, get, becomes } = await start(t)
  for (const subject of ['session:s1', 'token:j1', 'account:alice']) {
    const used = await people.token({ claims: { sid: `${subject}1`, jti: `${subject}2`, sub: `${subject}3` } })
    const meant =
      { 'session:s1': `session:${subject}1`, 'token:j1': `token:${subject}2` }[subject] ?? `account:${subject}3`
    const another = await people.token({ claims: { sid: `${subject}1`, jti: `${subject}2`, sub: `${subject}3`, n: 2 } })
    t.equal(await get(used), 200, subject)
    people.revoke(meant)
    await becomes(used, 401)
    t.equal(await get(another), 401, 'one that was never shown')
    t.equal(await get(await people.token()), 200, 'others go on')
  }
})

t.test('after an account was revoked, what is issued later is good', async (t) => {
  const { people, get, becomes } = await start(t)
  const before = await people.token()
  people.revoke('account:alice')
  await becomes(before, 401)
  const iat = Date.now() / 1000 + 0.002
  t.equal(await get(await people.token({ claims: { iat, sid: 's2' } })), 200)
})

t.test('of a key that was revoked identity is asked again', async (t) => {
  const { people, get, becomes } = await start(t)
  people.knows({ key: KEY }, keyOf('alice'))
  t.equal(await get(KEY), 200)
  t.equal(await get(KEY), 200)
  t.equal(people.asked.length, 1)
  people.revoke('account:somebody else')
  people.revoke('key:k1')
  await becomes(KEY, 401)
})

t.test('what is revoked while identity is being asked is asked about anew', async (t) => {
  const { people, get } = await start(t)
  people.knows({ key: KEY }, keyOf('alice'))
  const { promise, resolve } = Promise.withResolvers<void>()
  people.state.hold = promise
  const status = get(KEY)
  await until('the question', () => people.asked.length === 1)
  people.revoke('key:k1')
  await until('the news to be heard', () => people.state.heard === people.state.seq)
  resolve()
  t.equal(await status, 401)
  t.equal(people.asked.length, 2)
})

t.test('another run of identity makes everything be verified anew', async (t) => {
  const { people, get } = await start(t)
  people.knows({ key: KEY }, keyOf('alice'))
  const token = await people.token()
  t.same([await get(KEY), await get(token)], [200, 200])
  t.equal(people.asked.length, 1)
  people.revoke('session:of another life')
  people.restart('second')
  await until('a new question', async () => (await get(KEY)) === 200 && people.asked.length === 2, 5000)
  t.equal(await get(token), 200)
  people.revoke('session:s1')
  await until('the news of the new run', async () => (await get(token)) === 401, 5000)
})

t.test('while identity is away what is known goes on, and what is not is refused with a time', async (t) => {
  const { people, get, url, metrics } = await start(t)
  people.knows({ key: KEY }, keyOf('alice'))
  const token = await people.token()
  t.same([await get(KEY), await get(token)], [200, 200])
  people.state.away = true
  people.wake()
  const silence = async () =>
    Number(/^gateway_revocations_silence_seconds\{.*\} ([\d.]+)$/m.exec(await metrics.registry.metrics())?.[1])
  await until('the loss to be noticed', async () => (await silence()) > 0)
  t.same([await get(KEY), await get(token)], [200, 200], 'remembered')
  t.equal(await get(await people.token({ claims: { jti: 'new' } })), 200, 'a token by known keys')
  for (const unknown of [`${KEY}0`, 'abcdefghijklmnopqrstuvwxyz']) {
    const answer = await ask(`${url}/api/events`, { headers: bearer(unknown) })
    t.equal(answer.status, 503)
    t.match(answer.headers, { 'retry-after': /^[1-9]\d*$/, 'content-type': 'application/problem+json; charset=utf-8' })
  }
  const fresh = await newPair('k2')
  const unknownKey = await people.token({ header: { kid: 'k2' }, key: fresh.key })
  await until('the key set to be asked for', async () => (await get(unknownKey)) === 503)
  t.equal((await ask(`${url}/api/events`, { headers: bearer('x.y.z') })).status, 401, 'this needs nobody to say so')
  people.state.away = false
  people.revoke('session:s1')
  await until('the news after the silence', async () => (await get(token)) === 401, 5000)
  t.equal(await silence(), 0)
})

t.test('a gateway that starts without identity lets in nobody whom only identity knows', async (t) => {
  const { people, get, url } = await start(t, { IDENTITY_URL: 'http://127.0.0.1:1', IDENTITY_TIMEOUT_MS: '100' })
  t.equal(await get(KEY), 503)
  t.equal(await get(await people.token()), 503)
  t.equal((await ask(`${url}/reports`)).status, 200)
  const open = await testGateway(t, { ACCESS: 'open', IDENTITY_URL: 'http://127.0.0.1:1', IDENTITY_TIMEOUT_MS: '100' })
  t.equal((await ask(`${open.url}/api/events`, { headers: bearer(KEY) })).status, 503, 'nor as somebody else')
  t.equal((await ask(`${open.url}/api/events`)).status, 200)
})

t.test('without the secret of the processes nothing can be verified', async (t) => {
  const gateway = await testGateway(t, { ACCESS: 'open', INTERNAL_SECRET: '' })
  const status = async (headers: Record<string, string>) => (await ask(`${gateway.url}/api/events`, { headers })).status
  t.equal(await status({}), 200)
  t.equal(await status(bearer(KEY)), 503)
  t.equal(await status(bearer(await gateway.people.token())), 503)
})

t.test('a new key signs without anybody being sent away, a withdrawn one ends what it signed', async (t) => {
  const { people, get } = await start(t)
  const old = await people.token()
  t.equal(await get(old), 200)
  people.pairs.push(await newPair('k2'))
  people.wake()
  const fresh = await people.token({ claims: { jti: 'j2' } })
  await until('the new key', async () => (await get(fresh)) === 200, 5000)
  t.equal(await get(old), 200)
  people.pairs.shift()
  people.wake()
  await until('the end of the old key', async () => (await get(old)) === 401, 5000)
  t.equal(await get(fresh), 200)
})

t.test('invented key ids do not make the key set be fetched for each of them', async (t) => {
  const { people, get } = await start(t)
  t.equal(await get(await people.token()), 200)
  const before = people.state.fetched
  const at = performance.now()
  for (let i = 0; i < 50; i++) t.equal(await get(await people.token({ header: { kid: `invented-${i}` } })), 401)
  const seconds = Math.ceil((performance.now() - at) / 1000)
  t.ok(people.state.fetched - before <= seconds, 'at most once a second')
})

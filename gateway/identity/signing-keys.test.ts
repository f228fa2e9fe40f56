import t from 'tap'
import type { JWK } from 'jose'
import { newPair } from '../test/identity.ts'
import { createSigningKeys } from './signing-keys.ts'

/** Keys of a set that can be changed, and how often it was fetched. */
function published(...jwks: unknown[]) {
  const state = { keys: jwks as unknown, fetched: 0, withdrawn: 0, now: 0 }
  const keys = createSigningKeys({
    fetchKeys: async () => {
      state.fetched++
      return { keys: state.keys }
    },
    onWithdrawn: () => state.withdrawn++,
    now: () => state.now,
  })
  return { state, keys }
}

t.test('only Ed25519 keys for signatures count, whatever else is published', async (t) => {
  const { jwk } = await newPair('k')
  const others: Record<string, unknown>[] = [
    { ...jwk, kid: 'rsa', kty: 'RSA' },
    { ...jwk, kid: 'x25519', crv: 'X25519' },
    { ...jwk, kid: 'enc', use: 'enc' },
    { ...jwk, kid: 'alg', alg: 'ES256' },
    { ...jwk, kid: 'no-x', x: undefined },
    { ...jwk, kid: 1 },
    { kty: 'oct', kid: 'oct', k: 'c2VjcmV0' },
  ]
  const { keys } = published(jwk, ...others)
  t.ok(await keys.find('k'))
  t.equal(keys.size(), 1)
  for (const { kid } of others) t.equal(await keys.find(kid as string), undefined, String(kid))
  for (const kid of ['__proto__', 'constructor', 'toString', '']) t.equal(await keys.find(kid), undefined, kid)
})

t.test('an unknown id makes the set be fetched once a second, a known one never', async (t) => {
  const [first, second] = [await newPair('k1'), await newPair('k2')]
  const { keys, state } = published(first.jwk)
  await Promise.all(['k1', 'k1', 'k2', 'k3'].map((kid) => keys.find(kid)))
  t.equal(state.fetched, 1)
  state.keys = [first.jwk, second.jwk]
  t.equal(await keys.find('k2'), undefined)
  t.equal(state.fetched, 1)
  state.now = 1000
  t.ok(await keys.find('k2'))
  for (let i = 0; i < 10; i++) t.ok(await keys.find('k1'))
  t.equal(state.fetched, 2)
  t.equal(state.withdrawn, 0)
})

t.test('the set is fetched when its hash is another one, and told when a key is gone or has changed', async (t) => {
  const [first, second, third] = [await newPair('k1'), await newPair('k2'), await newPair('k2')]
  const { keys, state } = published(first.jwk)
  await keys.expect('h1')
  await keys.expect('h1')
  t.equal(state.fetched, 1)
  state.keys = [first.jwk, second.jwk]
  await keys.expect('h2')
  t.same([state.fetched, state.withdrawn], [2, 0])
  state.keys = [first.jwk, third.jwk]
  await keys.expect('h3')
  t.equal(state.withdrawn, 1, 'another key by the same name')
  state.keys = [third.jwk]
  await keys.expect('h4')
  t.equal(state.withdrawn, 2)
  t.equal(await keys.find('k1'), undefined)
})

t.test('a set that cannot be had leaves the keys that are known, and nobody knows about others', async (t) => {
  const { jwk } = await newPair('k')
  const { keys, state } = published(jwk)
  await keys.expect('h1')
  for (const wrong of [undefined, 'text', Array<JWK>(101).fill(jwk), [{ ...jwk, kid: 'k2', x: 'short' }]]) {
    state.keys = wrong
    await t.rejects(keys.expect('h2'))
    t.ok(await keys.find('k'))
    await t.rejects(keys.find('other'), 'nobody knows')
  }
  state.keys = [jwk]
  await keys.expect('h2')
  t.equal(await keys.find('other'), undefined)
})

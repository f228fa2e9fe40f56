import { createPublicKey, randomBytes } from 'node:crypto'
import path from 'node:path'
import t from 'tap'
import { createKeyring } from '#shared/keyring.ts'
import { createLogger } from '#shared/logger.ts'
import { collector, TEAM_A } from '../../test/collector.ts'
import { signing, unzip } from '../test/signing.ts'
import { createBundleKeys, keyFor, newBundleKey } from './keys.ts'

interface Jwks {
  keys: { kid: string; x: string; d?: string }[]
}

const META = 'bundle_meta.json'

t.test('the public keys are for everybody, as a set and one by one', async (t) => {
  const { app } = await collector(t)
  const answer = await app.inject('/bundle-keys')
  t.match(answer.headers, { 'content-type': /^application\/jwk-set\+json/, 'cache-control': 'public, max-age=300' })
  const { keys } = answer.json<Jwks>()
  t.equal(keys.length, 1, 'the first one is there from the start')
  t.notOk('d' in (keys[0] as object))
  const pem = await app.inject(`/bundle-keys/${keys[0]?.kid}`)
  t.equal(createPublicKey(pem.body).export({ format: 'jwk' }).x, keys[0]?.x)
  t.equal((await app.inject('/bundle-keys/none')).statusCode, 404)
})

t.test('a key signs the reports of its time, and is published for ever', async (t) => {
  const { app, ask, ingest, ingestAt, sign, open } = await signing(t)
  const early = await ingest()
  const rotated = await ask('/bundle-keys/rotate', { method: 'POST', payload: {} })
  const { keys } = rotated.json<{ keys: { kid: string; active: number; createdAt: number }[] }>()
  t.equal(keys.length, 2)
  t.notMatch(rotated.body, 'privateSealed')
  const published = (await app.inject('/bundle-keys')).json<Jwks>().keys
  t.same(
    published.map(({ kid }) => kid),
    keys.map(({ kid }) => kid),
  )
  const late = await ingestAt((keys[1]?.active ?? 0) + 1)
  const keyIdOf = async (id: string) => {
    const files = await unzip((await open((await sign(id)).url)).rawPayload)
    return (JSON.parse(String(files[META])) as { keyId: string }).keyId
  }
  t.equal(await keyIdOf(early), keys[0]?.kid)
  t.equal(await keyIdOf(late), keys[1]?.kid)

  t.equal((await ask('/bundle-keys/rotate', { method: 'POST', payload: { withdraw: true } })).statusCode, 200)
  const left = (await app.inject('/bundle-keys')).json<Jwks>().keys
  t.equal(left.length, 1, 'stolen keys are published no more')
  t.equal(await keyIdOf(early), left[0]?.kid, 'and the new one signs the older reports, too')
})

t.test('a change of keys is for administrators of the system, and a retry changes nothing', async (t) => {
  const { app, ask } = await collector(t)
  const rotate = (headers: Record<string, string>) => ask('/bundle-keys/rotate', { method: 'POST', headers })
  t.equal((await rotate(TEAM_A)).statusCode, 403)
  t.equal((await app.inject({ method: 'POST', url: '/bundle-keys/rotate' })).statusCode, 401)
  const once = { 'idempotency-key': 'once' }
  t.equal((await rotate(once)).body, (await rotate(once)).body)
  t.equal((await app.inject('/bundle-keys')).json<Jwks>().keys.length, 2)
})

t.test('the private key is sealed, and moves under the new encryption key', async (t) => {
  const [old, next] = ['old', 'new'].map((id) => `${id}:${randomBytes(32).toString('base64')}`) as [string, string]
  const first = await signing(t, { ENCRYPTION_KEYS: old })
  const id = await first.ingest()
  const { rawPayload } = await first.open((await first.sign(id)).url)
  const [row] = await first.sql<{ sealed: Uint8Array }>('SELECT privateSealed AS sealed FROM bundle_keys')
  t.notMatch(Buffer.from(row?.sealed ?? []).toString('latin1'), '"d"')
  await first.close()
  const env = { DATA_DIR: first.dataDir }
  const both = await signing(t, { ...env, ENCRYPTION_KEYS: `${next},${old}` })
  await both.close()
  const after = await signing(t, { ...env, ENCRYPTION_KEYS: next })
  t.ok(rawPayload.equals((await after.open((await after.sign(id)).url)).rawPayload))
})

t.test('who cannot open the keys of the database does not start', async (t) => {
  const [id, key, other] = ['k', ...[1, 2].map(() => randomBytes(32).toString('base64'))] as [string, string, string]
  const DATA_DIR = path.join(t.testdir({}), 'data')
  const env = { DATA_DIR, ENCRYPTION_KEYS: `${id}:${key}` }
  const first = await collector(t, env)
  await first.close()
  const told = {
    name: 'ConfigError',
    message: /^this database's secrets are sealed with another key.*same ENCRYPTION_KEYS.*$/,
  }
  for (const ENCRYPTION_KEYS of [`other:${other}`, `${id}:${other}`]) {
    await t.rejects(collector(t, { ...env, ENCRYPTION_KEYS }), told, ENCRYPTION_KEYS)
  }
  const both = await collector(t, { ...env, ENCRYPTION_KEYS: `other:${other},${id}:${key}` })
  t.equal((await both.app.inject('/bundle-keys')).statusCode, 200)
})

t.test('nor does the one of two replicas that came second with its own first key', async (t) => {
  const { writer, stores, config } = await collector(t)
  const keys = createBundleKeys({
    store: stores.bundleKeys,
    writer,
    keyring: createKeyring([{ id: 'k', key: randomBytes(32) }]),
    logger: createLogger('collector', config),
  })
  await t.rejects(keys.prepare(), { name: 'ConfigError', message: /sealed with another key/ })
})

t.test('of replicas that start together one makes the first key', async (t) => {
  const { writer, stores } = await collector(t)
  const before = await stores.bundleKeys.all()
  const keyring = createKeyring([{ id: 'k', key: randomBytes(32) }])
  const seen = await Promise.all([1, 2, 3].map(() => writer.run('addFirstBundleKey', newBundleKey(keyring, 0))))
  for (const keys of seen)
    t.same(
      keys.map(({ kid }) => kid),
      before.map(({ kid }) => kid),
    )
})

t.test('a report from before all keys has the first one', async (t) => {
  const keyring = createKeyring([{ id: 'k', key: randomBytes(32) }])
  const keys = [newBundleKey(keyring, 100), newBundleKey(keyring, 200)]
  t.same(
    [50, 100, 199, 200, 300].map((at) => keys.indexOf(keyFor(keys, at))),
    [0, 0, 0, 1, 1],
  )
})

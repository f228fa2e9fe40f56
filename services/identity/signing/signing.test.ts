import { calculateJwkThumbprint, createLocalJWKSet, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from 'jose'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { ACCESS_TOKEN, type AccessClaims } from '#shared/access-token.ts'
import { readConfig } from '#shared/config.ts'
import { createKeyring } from '#shared/keyring.ts'
import { createLogger } from '#shared/logger.ts'
import { ROLES, scopesOf } from '#shared/permissions.ts'
import { asOwner, asTenant } from '#shared/scope.ts'
import { createWrites } from '#shared/writes.ts'
import { settings } from '../config.ts'
import { openIdentityDatabase } from '../migrations.ts'
import { createSigningKeys } from './keys.ts'
import { createSigningKeyStore } from './store.ts'
import { createAccessTokens } from './tokens.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const keyring = createKeyring([{ id: 'a', key: randomBytes(32) }])
const GRANT = {
  account: asOwner('kim'),
  session: 's-1',
  tenant: asTenant('default'),
  role: 'operator',
  amr: ['pwd', 'otp'],
} as const

/** Signing keys in a folder, at a time that tests set. */
function signing(t: Test, { folder = t.testdir({}), now = Date.now(), env = {}, ring = keyring } = {}) {
  const clock = { now }
  const config = readConfig(settings, { NODE_ENV: 'test', LOG_LEVEL: 'fatal', DATA_DIR: folder, ...env })
  const db = openIdentityDatabase(config)
  const writes = createWrites(db, config)
  const store = createSigningKeyStore(db, ring)
  const keys = createSigningKeys({
    store,
    writes,
    config,
    logger: createLogger('identity', config),
    now: () => clock.now,
  })
  const tokens = createAccessTokens(keys, config, () => clock.now)
  const close = () => {
    keys.stop()
    writes.stop()
    db.close()
  }
  t.teardown(close)
  /** What a verifier makes of a token when it knows these keys; it throws for a token that is not good. */
  const verify = async (token: string, known = keys.jwks()) => {
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [...known.keys] } as JSONWebKeySet), {
      algorithms: [ACCESS_TOKEN.alg],
      typ: ACCESS_TOKEN.typ,
      audience: ACCESS_TOKEN.audience,
      issuer: config.PUBLIC_URL,
      currentDate: new Date(clock.now),
    })
    return payload as unknown as AccessClaims
  }
  const issue = async () => (await tokens.issue(GRANT)).access_token
  const rotate = (asked?: { withdraw: boolean }) => writes.run(() => keys.rotate(asked))
  return { folder, clock, config, db, writes, keys, rotate, tokens, issue, verify, close }
}

t.test('an access token says who, where, how and until when, and nothing is to be chosen in it', async (t) => {
  const { tokens, verify, clock, keys, config } = signing(t, { now: 1_800_000_000_250 })
  const token = await tokens.issue(GRANT)
  t.match(token, { token_type: 'Bearer', expires_in: 600, scope: scopesOf('operator') })
  const { kid } = keys.current()
  t.same(decodeProtectedHeader(token.access_token), { alg: 'EdDSA', typ: 'at+jwt', kid })
  const { jti, ...claims } = await verify(token.access_token)
  t.same(claims, {
    iss: config.PUBLIC_URL,
    aud: 'najimban',
    sub: 'kim',
    iat: 1_800_000_000.25,
    nbf: 1_800_000_000,
    exp: 1_800_000_600,
    sid: 's-1',
    tenant: 'default',
    role: 'operator',
    scope: scopesOf('operator'),
    amr: ['pwd', 'otp'],
  })
  t.match(jti, /^[\w-]{36}$/)
  const { jti: other } = await verify(await signing(t, { now: clock.now }).issue()).catch(() => ({ jti: '' }))
  t.equal(other, '', 'keys of another installation sign nothing here')
  t.equal((await verify((await tokens.issue({ ...GRANT, scope: 'account' })).access_token)).scope, 'account')
  clock.now += 600_000
  await t.rejects(verify(token.access_token), { code: 'ERR_JWT_EXPIRED' })
})

t.test('a role reaches the scopes of the routes that it may use, and never fewer than a lower one', async (t) => {
  const scopes = ROLES.map((role) => scopesOf(role).split(' '))
  const [viewer, operator, auditor, admin] = scopes as [string[], string[], string[], string[]]
  t.ok(viewer.includes('calendar:write') && viewer.includes('account'))
  for (const [scope, without, having] of [
    ['ingest', viewer, operator],
    ['audit:read', operator, auditor],
    ['admin', auditor, admin],
  ] as const) {
    t.notOk(without.includes(scope))
    t.ok(having.includes(scope))
  }
  for (const [i, lower] of scopes.slice(0, -1).entries()) t.ok(lower.every((scope) => scopes[i + 1]?.includes(scope)))
})

t.test(
  'keys have the thumbprint as their id, no private part outside, and live sealed through a restart',
  async (t) => {
    const first = signing(t)
    const [jwk] = first.keys.jwks().keys
    t.match(jwk, { kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', x: /^[\w-]{43}$/ })
    t.notOk('d' in (jwk as object))
    t.equal(jwk?.kid, await calculateJwkThumbprint(jwk as object))
    const { d } = first.keys.privateJwks().keys[0] as { d: string }
    const token = await first.issue()
    first.close()
    const file = readFileSync(path.join(first.folder, 'identity.db'))
    t.notOk(file.includes(d) || file.includes(Buffer.from(d, 'base64url')))
    const second = signing(t, { folder: first.folder })
    t.same(second.keys.jwks(), first.keys.jwks())
    t.equal((await second.verify(token)).sub, 'kim')
    second.close()
    const ring = createKeyring([{ id: 'b', key: randomBytes(32) }])
    t.throws(() => signing(t, { folder: first.folder, ring }), { message: /ENCRYPTION_KEYS lacks the key "a"/ })
  },
)

t.test(
  'a new key is published before it signs and stays after it has retired, so no token is ever refused',
  async (t) => {
    const { keys, clock, issue, verify } = signing(t)
    const first = keys.current().kid
    clock.now += 30 * DAY_MS - 1
    await keys.tend()
    t.equal(keys.list().length, 1, 'not before its time')
    clock.now += 1
    let changes = 0
    keys.onChange(() => changes++)
    const before = keys.jwks()
    await keys.tend()
    await keys.tend()
    t.same([keys.list().length, changes], [2, 1])
    t.not(keys.jwks().hash, before.hash)
    t.equal(keys.current().kid, first)
    const published = keys.jwks()
    await verify(await issue(), before)

    clock.now += HOUR_MS - 1
    const last = await issue()
    t.equal(decodeProtectedHeader(last).kid, first)
    clock.now += 1
    t.not(keys.current().kid, first)
    t.equal(keys.privateJwks().keys[0]?.kid, keys.current().kid)
    t.equal(keys.privateJwks().keys.length, 2)
    t.equal(decodeProtectedHeader(await issue()).kid, keys.current().kid)
    await verify(await issue(), published)
    await verify(last, published)

    clock.now += 2 * HOUR_MS - 1
    await keys.tend()
    t.equal(keys.list().length, 2, 'the last token may have been over for an hour, but clocks differ')
    clock.now += 1
    await keys.tend()
    t.same(
      keys.list().map(({ kid }) => kid),
      [keys.current().kid],
    )
    t.equal(changes, 2)
  },
)

t.test('a process that slept through the time of a change makes it up, and still publishes ahead', async (t) => {
  const first = signing(t)
  first.close()
  const later = signing(t, { folder: first.folder, now: Date.now() + 100 * DAY_MS })
  await later.keys.tend()
  t.match(later.keys.list(), [{ retired: later.clock.now + HOUR_MS }, { active: later.clock.now + HOUR_MS }])
  await later.verify(await later.issue())
})

t.test('on demand the next key is made once, however often it is asked for', async (t) => {
  const { keys, clock, rotate } = signing(t, { env: { SIGNING_KEY_PUBLISH_AHEAD_S: '10' } })
  await Promise.all([rotate(), rotate()])
  await rotate()
  t.equal(keys.list().length, 2)
  t.equal(keys.jwksMaxAge, 5, 'nobody may keep the key set for so long that a key signs unknown')
  clock.now += 10_000
  t.equal(keys.current().kid, keys.list()[1]?.kid)
  await rotate()
  t.equal(keys.list().length, 3)
})

t.test('stolen keys are withdrawn: what they signed is void at once, also what a waiting key would have', async (t) => {
  const { keys, issue, verify, rotate } = signing(t)
  await rotate()
  const stolen = keys.list().map(({ kid }) => kid)
  const token = await issue()
  await rotate({ withdraw: true })
  t.equal(keys.list().length, 1)
  t.notOk(stolen.includes(keys.current().kid))
  await t.rejects(verify(token), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
  await verify(await issue())
})

t.test('a rotation that is undone with its transaction changes nothing', async (t) => {
  const { keys, writes } = signing(t)
  const before = keys.jwks()
  const undone = writes.run(() => {
    keys.rotate({ withdraw: true })
    throw new Error('no')
  })
  await t.rejects(undone, { message: 'no' })
  await writes.run(() => undefined)
  t.same(keys.jwks(), before)
})

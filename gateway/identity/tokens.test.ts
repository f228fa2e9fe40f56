import { createHmac, createPublicKey } from 'node:crypto'
import { exportSPKI, type CryptoKey, type JWK } from 'jose'
import t from 'tap'
import { DEFAULT_USER } from '#shared/caller.ts'
import { until } from '#shared/test/until.ts'
import { lastCaller } from '../test/caller.ts'
import { ask } from '../test/client.ts'
import { testGateway } from '../test/gateway.ts'
import { refusals } from '../test/metrics.ts'
import { newPair, type PlayedIdentity } from '../test/identity.ts'

const PATHS = ['/api/events', '/reports', '/api/auth/me', '/api/calendar/dav/']
const REQUIRED = { ACCESS: 'required' }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const encode = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
const now = () => Math.floor(Date.now() / 1000)

/** Every token that must open nothing, and why it is refused. */
async function forgeries(people: PlayedIdentity): Promise<Record<string, [token: string, reason: string]>> {
  const good = await people.token()
  const [head = '', payload = '', signature = ''] = good.split('.')
  const jwk = people.pairs[0]?.jwk as JWK
  const publicKey = createPublicKey({ key: jwk as never, format: 'jwk' })
  const pem = await exportSPKI(publicKey as unknown as CryptoKey).catch(() =>
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  )
  const stranger = await newPair('k1')
  const withHeader = (header: object) => `${encode(header)}.${payload}.${signature}`
  const hmac = (header: object, secret: string | Buffer) => {
    const input = `${encode(header)}.${payload}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const rawKey = Buffer.from(jwk.x as string, 'base64url')
  const ours = { alg: 'EdDSA', typ: 'at+jwt', kid: 'k1' }
  const hs = { ...ours, alg: 'HS256' }
  const claims = async (changed: Record<string, unknown>) => people.token({ claims: changed })
  const header = async (changed: Record<string, unknown>, key?: CryptoKey) =>
    people.token({ header: changed, ...(key === undefined ? {} : { key }) })
  return {
    'alg none': [`${encode({ ...ours, alg: 'none' })}.${payload}.`, 'header'],
    'alg none with a signature': [withHeader({ ...ours, alg: 'none' }), 'header'],
    'alg NoNe': [withHeader({ ...ours, alg: 'NoNe' }), 'header'],
    'HS256 with the public key as PEM': [hmac(hs, pem), 'header'],
    'HS256 with the bytes of the public key': [hmac(hs, rawKey), 'header'],
    'HS256 with the JWK': [hmac(hs, JSON.stringify(jwk)), 'header'],
    'HS256 that says EdDSA': [hmac(ours, rawKey), 'signature'],
    'the name Ed25519': [withHeader({ ...ours, alg: 'Ed25519' }), 'header'],
    'two algorithms': [`${encode('{"alg":"EdDSA","alg":"none","typ":"at+jwt","kid":"k1"}')}.${payload}.`, 'header'],
    'a list of algorithms': [withHeader({ ...ours, alg: ['EdDSA'] }), 'header'],
    'no kid': [withHeader({ alg: 'EdDSA', typ: 'at+jwt' }), 'header'],
    'kid that is a number': [withHeader({ ...ours, kid: 1 }), 'header'],
    'kid that is a path': [await header({ kid: '../../../dev/null' }), 'unknown-key'],
    'kid that is SQL': [await header({ kid: "k1' OR '1'='1" }), 'unknown-key'],
    'kid that is a member of every object': [await header({ kid: '__proto__' }), 'unknown-key'],
    'kid constructor': [await header({ kid: 'constructor' }), 'unknown-key'],
    jku: [await header({ jku: 'http://127.0.0.1:1/jwks.json' }, stranger.key), 'header'],
    x5u: [await header({ x5u: 'http://127.0.0.1:1/cert' }, stranger.key), 'header'],
    x5c: [await header({ x5c: ['MIIB'] }, stranger.key), 'header'],
    jwk: [await header({ jwk: stranger.jwk }, stranger.key), 'header'],
    crit: [withHeader({ ...ours, crit: ['x'], x: 1 }), 'header'],
    b64: [withHeader({ ...ours, b64: false, crit: ['b64'] }), 'header'],
    zip: [withHeader({ ...ours, zip: 'DEF' }), 'header'],
    'a good header with more in it': [await header({ cty: 'JWT' }), 'header'],
    'typ JWT': [await header({ typ: 'JWT' }), 'header'],
    'typ of an ID token': [await header({ typ: 'id_token+jwt' }), 'header'],
    'the key of a stranger': [await header({}, stranger.key), 'signature'],
    'another payload': [
      `${head}.${encode({ ...decode(payload), role: 'admin', sub: 'root' })}.${signature}`,
      'signature',
    ],
    'no signature': [`${head}.${payload}.`, 'header'],
    'half a signature': [`${head}.${payload}.${signature.slice(0, 40)}`, 'signature'],
    'four parts': [`${good}.${signature}`, 'header'],
    'two parts': [`${head}.${payload}`, 'header'],
    'no base64url': [`${head}.${payload}.${signature}=`, 'header'],
    garbage: [`${'%'.repeat(10)}.${'x'.repeat(10)}.y`, 'header'],
    'a header that is no JSON': [`${encode('{"alg"')}.${payload}.${signature}`, 'header'],
    'a header that is null': [`${encode('null')}.${payload}.${signature}`, 'header'],
    expired: [await claims({ exp: now() - 60 }), 'expired'],
    'not yet valid': [await claims({ nbf: now() + 60 }), 'not-yet-valid'],
    'issued in the future': [await claims({ iat: now() + 60 }), 'not-yet-valid'],
    'exp that is a text': [await claims({ exp: String(now() + 600) }), 'claims'],
    'the wrong audience': [await claims({ aud: 'another' }), 'claims'],
    'several audiences': [await claims({ aud: ['najimban', 'another'] }), 'claims'],
    'the wrong issuer': [await claims({ iss: 'http://evil.example' }), 'claims'],
    'the issuer with a slash': [await claims({ iss: 'http://localhost:5000/' }), 'claims'],
    'a role that there is not': [await claims({ role: 'root' }), 'claims'],
    'the role of processes': [await claims({ role: 'service' }), 'claims'],
    'several roles': [await claims({ role: ['admin'] }), 'claims'],
    ...Object.fromEntries(
      await Promise.all(
        ['iss', 'aud', 'sub', 'jti', 'sid', 'tenant', 'role', 'scope', 'iat', 'nbf', 'exp'].map(
          async (name) => [`no ${name}`, [await claims({ [name]: undefined }), 'claims']] as const,
        ),
      ),
    ),
    'an empty sub': [await claims({ sub: '' }), 'claims'],
    'sub that is an object': [await claims({ sub: { id: 'root' } }), 'claims'],
    'a long token': [await claims({ padding: 'x'.repeat(6000) }), 'too-long'],
  }
}

t.test('an access token of a session is whom it says, wherever it is sent', async (t) => {
  for (const ACCESS of ['required', 'open']) {
    const gateway = await testGateway(t, { ACCESS })
    const authorization = `bEARER  ${await gateway.people.token()}`
    for (const [path, upstream] of [
      ['/api/events', 'calendar'],
      ['/api/calendar/dav/', 'calendar'],
      ['/api/diaries', 'diary'],
      ['/reports', 'collector'],
      ['/api/auth/me', 'identity'],
    ] as const) {
      const answer = await ask(gateway.url + path, { headers: { authorization, 'x-user-id': 'me' } })
      t.equal(answer.status, 200, path)
      t.match(lastCaller(gateway, upstream), {
        sub: 'alice',
        tenant: 'default',
        roles: ['operator'],
        scope: 'calendar:read calendar:write',
        cred: 'session:s1',
        ip: '127.0.0.1',
      })
      const sent = gateway[upstream].received.at(-1)?.headers ?? {}
      t.equal('authorization' in sent, upstream === 'identity', 'nobody else learns the token')
    }
    t.equal(gateway.people.state.fetched, 1, 'the keys are fetched once')
    t.equal(gateway.people.asked.length, 0, 'nobody is asked about the token')
  }
})

t.test('what is not a good token of ours is refused, and reaches nobody', async (t) => {
  const gateway = await testGateway(t, REQUIRED)
  const asked = new Set<string>()
  let before = await refusals(gateway.metrics)
  for (const [name, [token, reason]] of Object.entries(await forgeries(gateway.people))) {
    for (const path of PATHS) {
      const answer = await ask(gateway.url + path, { headers: bearer(token) })
      t.equal(answer.status, 401, `${name} at ${path}`)
      asked.add(answer.headers['x-request-id'] as string)
      t.match(answer.headers['content-type'], 'application/problem+json')
      t.match(
        answer.headers['www-authenticate'],
        path.includes('/dav') ? /^Basic realm="Najimban", charset="UTF-8"$/ : /^Bearer error="invalid_token"/,
      )
    }
    const after = await refusals(gateway.metrics)
    t.equal((after[reason] ?? 0) - (before[reason] ?? 0), PATHS.length, `${name}: ${reason}`)
    before = after
  }
  t.same([gateway.calendar.received, gateway.collector.received, gateway.identity.received], [[], [], []])
  const { rows } = gateway.people
  await until('one row for each refusal', () => rows.length === asked.size)
  t.same(new Set(rows.map((row) => row.request_id)), asked)
  for (const row of rows)
    t.match(row, { event: 'credential.refused', actor: 'anonymous', status: 401, result: 'refused' })
  const log = JSON.stringify(rows)
  t.notMatch(log, /eyJ/, 'no token is in the log')
})

t.test('in open access a bad token makes nobody of anybody', async (t) => {
  const gateway = await testGateway(t, { ACCESS: 'open', RATE_LIMIT_VERIFY: '1000' })
  for (const [name, [token]] of Object.entries(await forgeries(gateway.people))) {
    t.equal((await ask(`${gateway.url}/api/events`, { headers: bearer(token) })).status, 200, name)
    const caller = lastCaller(gateway, 'calendar')
    t.equal(caller?.sub, DEFAULT_USER, name)
    t.equal(caller?.cred, undefined, name)
  }
})

t.test('a token as long as no token is ends before anybody reads it', async (t) => {
  const gateway = await testGateway(t, REQUIRED)
  const of = async (length: number) =>
    (await ask(`${gateway.url}/api/events`, { headers: bearer('x'.repeat(length)) }).catch(() => ({ status: 431 })))
      .status
  t.equal(await of(4097), 401)
  t.equal(await of(20_000), 431, 'more than Node takes as a head')
  t.equal(await of(1_000_000), 431)
  t.equal(gateway.people.asked.length, 0)
  const { rows } = gateway.people
  await until('one row for each', () => rows.length >= 3)
  t.match(
    rows.map(({ event, status, result, ip, detail }) => [event, status, result, ip, detail]),
    [
      ['credential.refused', 401, 'refused', '127.0.0.1'],
      ['request.unread', 431, 'refused', '127.0.0.1', '{"problem":"headers-too-large"}'],
      ['request.unread', 431, 'refused'],
    ],
  )
  t.equal(rows.length, 3)
})

t.test('clocks may differ by a little', async (t) => {
  const gateway = await testGateway(t, { ...REQUIRED, CLOCK_TOLERANCE_S: '30' })
  const status = async (claims: Record<string, unknown>) => {
    const headers = bearer(await gateway.people.token({ claims }))
    return (await ask(`${gateway.url}/api/events`, { headers })).status
  }
  t.equal(await status({ exp: now() - 10 }), 200)
  t.equal(await status({ nbf: now() + 10, iat: now() + 10 }), 200)
  t.equal(await status({ exp: now() - 31 }), 401)
  t.equal(await status({ nbf: now() + 40 }), 401)
})

t.test('a token sent twice is ambiguous', async (t) => {
  const gateway = await testGateway(t, REQUIRED)
  const token = await gateway.people.token()
  const headers = { authorization: [`Bearer ${token}`, `Bearer ${token}`] as unknown as string }
  t.equal((await ask(`${gateway.url}/api/events`, { headers })).status, 400)
})

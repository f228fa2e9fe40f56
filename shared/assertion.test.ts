import { createHmac } from 'node:crypto'
import t from 'tap'
import { ASSERTION_TTL_S, signAssertion, verifyAssertion, type Claims } from './assertion.ts'
import { HMAC_INPUT_MAX } from './hmac.ts'

const SECRET = 'a secret that is long enough, 32+'
const NOW = 1_800_000_000
const claims: Claims = {
  aud: 'calendar',
  exp: NOW + ASSERTION_TTL_S,
  sub: '앨리스',
  tenant: 'default',
  roles: ['viewer'],
  scope: 'calendar:read',
  cred: 'session:s1',
  rid: 'r1',
  ip: '2001:db8::1',
}
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const verify = (token: string, { audience = 'calendar', now = NOW, secret = SECRET } = {}) =>
  verifyAssertion(secret, token, audience, now)

t.test('an assertion says what was signed, to the service that it is for', async (t) => {
  t.same(verify(signAssertion(SECRET, claims)), claims)
})

t.test('a stolen one is good for no other service, and after a minute for none', async (t) => {
  const stolen = signAssertion(SECRET, claims)
  for (const audience of ['diary', 'collector', 'identity', 'gateway', '', 'Calendar', 'calendar '])
    t.equal(verify(stolen, { audience }), undefined, audience)
  t.ok(verify(stolen, { now: NOW + ASSERTION_TTL_S }))
  for (const later of [1, 60, 86_400]) {
    t.equal(verify(stolen, { now: NOW + ASSERTION_TTL_S + later }), undefined, `${later} s later`)
  }
  t.equal(verify(stolen, { now: NOW - 2 }), undefined, 'nor is one that would be good for longer')
})

t.test('nothing in it can be changed, left out or signed otherwise', async (t) => {
  const good = signAssertion(SECRET, claims)
  const [head = '', payload = '', signature = ''] = good.split('.')
  const signed = (header: unknown, body: string, secret = SECRET) => {
    const input = `${encode(header)}.${body}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const admin = encode({ ...claims, roles: ['admin'] })
  for (const [what, token] of Object.entries({
    'another payload': `${head}.${admin}.${signature}`,
    'no signature': `${head}.${payload}.`,
    'no dot': `${head}${payload}`,
    nothing: '',
    'half a signature': good.slice(0, -10),
    'more behind it': `${good}A`,
    'alg none': `${encode({ alg: 'none', typ: 'najimban+jwt' })}.${payload}.`,
    'alg none, signed': signed({ alg: 'none', typ: 'najimban+jwt' }, payload),
    'another typ': signed({ alg: 'HS256', typ: 'JWT' }, payload),
    'an access token': signed({ alg: 'EdDSA', typ: 'at+jwt', kid: 'k1' }, payload),
    'more in the header': signed({ alg: 'HS256', typ: 'najimban+jwt', kid: '../x' }, payload),
    'another secret': signed({ alg: 'HS256', typ: 'najimban+jwt' }, payload, 'x'.repeat(32)),
    'no secret': signed({ alg: 'HS256', typ: 'najimban+jwt' }, payload, ''),
    'too long': `${head}.${'A'.repeat(HMAC_INPUT_MAX)}.${signature}`,
  })) {
    t.equal(verify(token), undefined, what)
  }
  t.equal(verify(good, { secret: 'x'.repeat(32) }), undefined)
})

import t from 'tap'
import { DEFAULT_USER } from '#shared/caller.ts'
import type { Verified } from '#shared/verified.ts'
import { lastCaller } from '../test/caller.ts'
import { ask, type Reply } from '../test/client.ts'
import { testGateway } from '../test/gateway.ts'

const KEY = 'njm_k1_0123456789abcdef0123456789abcdef'
const OPAQUE = 'abcdefghijklmnopqrstuvwxyz-_0123456789'
const REQUIRED = { ACCESS: 'required' }
const BASIC_CHALLENGE = 'Basic realm="Najimban", charset="UTF-8"'
const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString('base64')}` })

const verified = (credential: string, more: Partial<Verified> = {}): Verified => ({
  credential,
  subjects: [credential],
  tenant: 'teamA',
  role: 'viewer',
  scope: 'calendar:read',
  ...more,
})

/** A gateway whose identity knows one credential of each kind. */
async function knowing(t: Parameters<typeof testGateway>[0], env: Record<string, string>) {
  const gateway = await testGateway(t, env)
  const { people } = gateway
  people.knows({ key: KEY }, verified('key:k1'))
  people.knows({ token: OPAQUE }, verified('token:t1', { user: 'bob' }))
  people.knows(
    { basic: { username: '앨리스@example.org', password: 'a:b c' } },
    verified('app-password:p1', { user: 'alice', scope: 'caldav' }),
  )
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> =>
    ask(gateway.url + path, { headers, method })
  return { ...gateway, get }
}

t.test('keys and tokens of applications are what identity says they are', async (t) => {
  for (const ACCESS of ['required', 'open']) {
    const gateway = await knowing(t, { ACCESS })
    for (const headers of [{ authorization: `Bearer ${KEY}` }, { 'x-api-key': KEY }] as Record<string, string>[]) {
      t.equal((await gateway.get('/api/events', headers)).status, 200)
      t.match(lastCaller(gateway, 'calendar'), {
        tenant: 'teamA',
        roles: ['viewer'],
        scope: 'calendar:read',
        cred: 'key:k1',
      })
      t.equal(lastCaller(gateway, 'calendar')?.sub, undefined, 'a key need not be a person')
    }
    t.equal((await gateway.get('/api/diaries', { authorization: `Bearer ${OPAQUE}` })).status, 200)
    t.match(lastCaller(gateway, 'diary'), { sub: 'bob', cred: 'token:t1' })
    t.same(
      gateway.people.asked.map(({ ip }) => ip),
      ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
      'identity learns from where it was used',
    )
  }
})

t.test('with access required nobody gets past the door without a credential', async (t) => {
  const gateway = await knowing(t, REQUIRED)
  for (const path of ['/api/events', '/api/calendar/events', '/api/diaries', '/api/diary/diaries']) {
    const answer = await gateway.get(path, { 'x-user-id': 'me' })
    t.equal(answer.status, 401, path)
    t.equal(answer.headers['www-authenticate'], 'Bearer')
  }
  for (const [path, upstream] of [
    ['/reports', 'collector'],
    ['/api/auth/me', 'identity'],
    ['/oauth/auth', 'identity'],
  ] as const) {
    t.equal((await gateway.get(path, { 'x-user-id': 'me' })).status, 200, `${path} decides for itself`)
    t.match(lastCaller(gateway, upstream), { roles: [], tenant: 'default' })
    t.equal(lastCaller(gateway, upstream)?.sub, undefined)
  }
})

t.test('what is no credential at all is refused where access is required, and ignored where it is open', async (t) => {
  const wrong: Record<string, string>[] = [
    { authorization: 'Bearer' },
    { authorization: 'Bearer ' },
    { authorization: 'Bearer x' },
    { authorization: `Bearer ${KEY} more` },
    { authorization: 'Bearer njm_' },
    { authorization: `Bearer njm_${'%'.repeat(20)}` },
    { authorization: `Bearer ${OPAQUE}0` },
    { authorization: `Bearer ${KEY}0` },
    { authorization: 'Digest username="x"' },
    { authorization: 'Negotiate abc' },
    { authorization: KEY },
    { 'x-api-key': 'njm_unknown_key' },
    { 'x-api-key': 'njm_' },
    basic('앨리스@example.org:a:b c'),
    { ...basic('a:b'), 'x-api-key': KEY },
  ]
  const strict = await knowing(t, REQUIRED)
  const open = await knowing(t, { ACCESS: 'open' })
  for (const headers of wrong) {
    const what = JSON.stringify(headers)
    const refused = await strict.get('/api/events', headers)
    t.equal(refused.status, 401, what)
    t.match(refused.headers['www-authenticate'], /^Bearer error="invalid_token", error_description="[^"]+"$/, what)
    t.equal((await strict.get('/reports', headers)).status, 401, `also for who has keys of the collector: ${what}`)
    t.equal((await open.get('/api/events', { ...headers, 'x-user-id': 'me' })).status, 200, what)
    t.equal(lastCaller(open, 'calendar')?.sub, 'me', what)
    t.equal(lastCaller(open, 'calendar')?.cred, undefined, what)
  }
  t.equal((await strict.get('/reports', { authorization: '' })).status, 200, 'an empty field is none')
})

t.test('app passwords are taken for CalDAV only', async (t) => {
  const gateway = await knowing(t, REQUIRED)
  const headers = basic('앨리스@example.org:a:b c')
  for (const path of ['/api/calendar/dav', '/api/calendar/dav/alice/', '/api/calendar/dav?x=1']) {
    const answer = await gateway.get(path, headers, 'PROPFIND')
    t.equal(answer.status, 200, path)
    t.match(lastCaller(gateway, 'calendar'), { sub: 'alice', scope: 'caldav', cred: 'app-password:p1' })
    t.notOk('authorization' in (gateway.calendar.received.at(-1)?.headers ?? {}))
    t.equal((await gateway.get(path)).headers['www-authenticate'], BASIC_CHALLENGE)
    const wrong = await gateway.get(path, basic('앨리스@example.org:wrong'))
    t.equal(wrong.status, 401)
    t.equal(wrong.headers['www-authenticate'], BASIC_CHALLENGE)
  }
  const received = gateway.calendar.received.length
  for (const path of [
    '/api/calendar/events',
    '/api/events',
    '/api/calendar/davX',
    '/api/diaries',
    '/reports',
    '/api/auth/me',
  ]) {
    const answer = await gateway.get(path, headers)
    t.equal(answer.status, 401, path)
    t.match(answer.headers['www-authenticate'], /^Bearer error=/, path)
  }
  for (const path of ['/api/calendar/%64av/', '/api/calendar/dav/../events', '/api/calendar/dav/..%2fevents']) {
    t.equal((await gateway.get(path, headers)).status, 400, path)
  }
  t.equal(gateway.calendar.received.length, received)
  for (const broken of ['', 'no-colon', ':no name', 'a:\0b', 'a:\rb']) {
    t.equal((await gateway.get('/api/calendar/dav/', basic(broken))).status, 401, JSON.stringify(broken))
  }
  for (const authorization of ['Basic', 'Basic %%%', `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString('base64')}`]) {
    t.equal((await gateway.get('/api/calendar/dav/', { authorization })).status, 401, authorization)
  }
  t.equal((await gateway.get('/api/calendar/dav/', { authorization: `Bearer ${KEY}` })).status, 200)
})

t.test("OAuth's own endpoints look at Authorization themselves", async (t) => {
  const gateway = await knowing(t, REQUIRED)
  const headers = basic('client:secret')
  t.equal((await gateway.get('/oauth/token', headers, 'POST')).status, 200)
  t.equal(gateway.identity.received.at(-1)?.headers.authorization, headers.authorization)
  t.match(lastCaller(gateway, 'identity'), { roles: [] })
  t.equal((await gateway.get('/oauth/userinfo', { authorization: `Bearer ${OPAQUE}` })).status, 200)
  t.match(lastCaller(gateway, 'identity'), { roles: [] })
  t.equal(gateway.people.asked.length, 0)
})

t.test('the first of several credentials counts', async (t) => {
  const gateway = await knowing(t, REQUIRED)
  const cookie = `__Host-najimban-access=${await gateway.people.token()}`
  const cred = async (headers: Record<string, string>) => {
    const { status } = await gateway.get('/api/events', headers)
    return status === 200 ? lastCaller(gateway, 'calendar')?.cred : status
  }
  t.equal(await cred({ authorization: `Bearer ${OPAQUE}`, 'x-api-key': KEY, cookie }), 'token:t1')
  t.equal(await cred({ 'x-api-key': KEY, cookie }), 'key:k1')
  t.equal(await cred({ 'x-api-key': 'collector-key', cookie }), 'session:s1')
  t.equal(await cred({ authorization: `Bearer ${OPAQUE}0`, 'x-api-key': KEY, cookie }), 401, 'a wrong one, too')
})

t.test('keys of API_KEYS go on to the collector, those of identity do not', async (t) => {
  const gateway = await knowing(t, REQUIRED)
  const sent = () => gateway.collector.received.at(-1)?.headers ?? {}
  const legacy = { 'x-tenant': 'default', 'x-api-key': 'collector-key' }
  await gateway.get('/reports', legacy)
  t.match(sent(), legacy)
  t.equal(lastCaller(gateway, 'collector')?.cred, undefined)
  await gateway.get('/reports', { 'x-tenant': 'teamA', 'x-api-key': KEY })
  t.equal(sent()['x-tenant'], 'teamA', 'which tenant is meant is for the collector to compare')
  t.notOk('x-api-key' in sent())
  t.equal(lastCaller(gateway, 'collector')?.cred, 'key:k1')
  await gateway.get('/reports', { ...legacy, authorization: `Bearer ${OPAQUE}` })
  t.match(sent(), legacy)
  t.equal(lastCaller(gateway, 'collector')?.cred, 'token:t1')
  for (const path of ['/api/events', '/api/diaries', '/api/auth/me']) {
    await gateway.get(path, { 'x-api-key': KEY })
    const upstream = path === '/api/events' ? 'calendar' : path === '/api/diaries' ? 'diary' : 'identity'
    t.notOk('x-api-key' in (gateway[upstream].received.at(-1)?.headers ?? {}), path)
  }
})

t.test('headers cannot say who asks, beside a credential or without one', async (t) => {
  const gateway = await knowing(t, REQUIRED)
  const spoofed = {
    'x-user-id': 'root',
    'x-roles': 'admin',
    'x-role': 'admin',
    'x-scope': 'admin',
    'x-tenant-id': 'other',
    'x-najimban-assertion': 'eyJhbGciOiJub25lIn0.e30.',
    'x-forwarded-user': 'root',
    'x-forwarded-for': '10.0.0.1',
    'x-real-ip': '10.0.0.1',
    'x-remote-user': 'root',
    'remote-user': 'root',
    'x-auth-request-user': 'root',
  }
  t.equal((await gateway.get('/api/events', spoofed)).status, 401)
  t.equal((await gateway.get('/api/events', { ...spoofed, authorization: `Bearer ${OPAQUE}` })).status, 200)
  t.match(lastCaller(gateway, 'calendar'), { sub: 'bob', roles: ['viewer'], tenant: 'teamA', ip: '127.0.0.1' })
  const sent = gateway.calendar.received.at(-1)?.headers ?? {}
  for (const name of Object.keys(spoofed)) t.ok(name === 'x-najimban-assertion' || !(name in sent), name)
  t.equal((await gateway.get('/reports', spoofed)).status, 200)
  t.match(lastCaller(gateway, 'collector'), { roles: [], ip: '127.0.0.1' })
})

t.test('in open access who shows nothing is who they say', async (t) => {
  const gateway = await knowing(t, { ACCESS: 'open' })
  await gateway.get('/api/events')
  t.match(lastCaller(gateway, 'calendar'), { sub: DEFAULT_USER, roles: ['admin'] })
  await gateway.get('/api/events', { authorization: `Bearer ${OPAQUE}`, 'x-user-id': 'me' })
  t.match(lastCaller(gateway, 'calendar'), { sub: 'bob', roles: ['viewer'] }, 'a credential counts more than a name')
})

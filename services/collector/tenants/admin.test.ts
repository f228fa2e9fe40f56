import t, { type Test } from 'tap'
import { signAssertion } from '#shared/assertion.ts'
import { collector, TEAM_A, TEAM_A_SENDER, TEAM_B, type Asked } from '../test/collector.ts'

const TENANTS = '/admin/tenants'
const NOTHING_SET = { reportsPerMinute: null, reportsPerDay: null, bytesPerDay: null, storageBytes: null }
const report = (n: number) => ({ status: { api: 'pass' }, raw: n })

async function administrated(t: Test, env: Record<string, string> = {}) {
  const service = await collector(t, env)
  const { ask } = service
  const at = (method: Asked['method'], path: string, payload?: unknown, headers: Record<string, string> = {}) =>
    ask(`${TENANTS}${path}`, { method, headers, ...(payload === undefined ? {} : { payload }) })
  return { ...service, at }
}

t.test('a tenant is made, shown, changed, suspended, resumed and deleted', async (t) => {
  const { at } = await administrated(t)
  const made = await at('POST', '', { id: 'team-x', title: '팀 X', quotas: { reportsPerDay: 100 } })
  t.equal(made.statusCode, 201, made.body)
  t.match(made.json(), { id: 'team-x', title: '팀 X', state: 'active', quotas: { ...NOTHING_SET, reportsPerDay: 100 } })
  const shown = await at('GET', '/team-x')
  t.same(shown.json(), made.json())
  t.equal(shown.headers.etag, made.headers.etag)
  t.type(shown.json<{ createdAt: number }>().createdAt, 'number')
  t.equal((await at('POST', '', { id: 'team-x' })).statusCode, 409)

  const etag = shown.headers.etag as string
  const changed = await at('PATCH', '/team-x', { quotas: { bytesPerDay: 5, reportsPerDay: 0 } }, { 'if-match': etag })
  t.match(changed.json(), { title: '팀 X', quotas: { ...NOTHING_SET, bytesPerDay: 5, reportsPerDay: 0 } })
  const stale = await at('PATCH', '/team-x', { title: 'other' }, { 'if-match': etag })
  t.equal(stale.statusCode, 412, 'who changes what somebody else has changed is told')
  t.equal((await at('GET', '/team-x')).headers.etag, changed.headers.etag)

  t.match((await at('POST', '/team-x/suspend')).json(), { state: 'suspended', quotas: { bytesPerDay: 5 } })
  t.equal((await at('POST', '/team-x/suspend')).statusCode, 200, 'again it stays')
  t.match((await at('DELETE', '/team-x')).json(), { status: 409, detail: /suspended/ })
  t.match((await at('POST', '/team-x/resume')).json(), { state: 'active' })
  t.equal((await at('DELETE', '/team-x', undefined, { 'if-match': '"other"' })).statusCode, 412)
  t.equal((await at('DELETE', '/team-x')).statusCode, 204)
  t.equal((await at('GET', '/team-x')).statusCode, 404)
})

t.test('tenants with keys or reports are there without settings of their own', async (t) => {
  const { at, ingest, ingestAt } = await administrated(t)
  const list = async (query = '') =>
    (await at('GET', query)).json<{ tenants: { id: string; title: string }[]; nextCursor?: string }>()
  t.same(
    (await list()).tenants.map(({ id }) => id),
    ['default', 'teamA', 'teamB'],
  )
  t.same((await at('GET', '/teamA')).json(), { id: 'teamA', title: 'teamA', state: 'active', quotas: NOTHING_SET })
  await ingestAt(Date.now(), { status: {} }, 'stranger')
  await at('POST', '', { id: 'm' })
  const ids: string[] = []
  let query = '?limit=2'
  for (let pages = 0; pages < 5; pages++) {
    const { tenants, nextCursor } = await list(query)
    ids.push(...tenants.map(({ id }) => id))
    if (nextCursor === undefined) break
    t.equal(tenants.length, 2)
    query = `?limit=2&cursor=${nextCursor}`
  }
  t.same(ids, ['default', 'm', 'stranger', 'teamA', 'teamB'])
  t.equal((await at('GET', '?limit=101')).statusCode, 400)
  t.equal((await at('GET', '?cursor=nonsense')).statusCode, 400)

  const { etag } = (await at('GET', '/teamA')).headers
  const changed = await at('PATCH', '/teamA', { quotas: { reportsPerDay: 9 } }, { 'if-match': etag as string })
  t.match(changed.json(), { id: 'teamA', quotas: { reportsPerDay: 9 } }, 'it has some from then on')
  await ingest({ status: {} }, TEAM_A)
  t.match((await at('DELETE', '/teamA')).json(), { status: 409, detail: /1 reports/ })
  for (const [method, path] of [
    ['GET', '/nobody'],
    ['PATCH', '/nobody'],
    ['DELETE', '/nobody'],
    ['POST', '/nobody/suspend'],
    ['GET', '/nobody/usage'],
  ] as const) {
    t.equal((await at(method, path, method === 'PATCH' ? { title: 'x' } : undefined)).statusCode, 404, path)
  }
})

t.test('ids, titles and quotas that make no sense are refused, each with its field', async (t) => {
  const { at } = await administrated(t)
  const field = async (payload: object) => {
    const answer = await at('POST', '', payload)
    const { errors = [] } = answer.json<{ errors?: { field: string }[] }>()
    return `${answer.statusCode} ${errors.map((one) => one.field).join()}`
  }
  for (const id of ['', '-a', '.', '..', 'a b', 'a/b', '팀', 'ｔeam', 'a'.repeat(65), '__proto__', 'a\n', 7, null]) {
    t.equal(await field({ id }), '400 id', JSON.stringify(id))
  }
  for (const title of ['', ' ', 'a\u0000b', 'x'.repeat(101), 7]) t.equal(await field({ id: 'a', title }), '400 title')
  for (const value of [-1, 1.5, '10', true, 1e300, Number.MAX_SAFE_INTEGER + 1, [], {}]) {
    t.equal(await field({ id: 'a', quotas: { reportsPerDay: value } }), '400 quotas.reportsPerDay', String(value))
  }
  t.equal(await field({ id: 'a', quotas: { reportsPerHour: 1 } }), '400 quotas.reportsPerHour', 'a slip is no quota')
  t.equal((await at('PATCH', '/default', {})).statusCode, 400)
  t.equal((await at('PATCH', '/default', { state: 'suspended' })).statusCode, 400)
  const all = { reportsPerMinute: Number.MAX_SAFE_INTEGER, reportsPerDay: 0, bytesPerDay: null, storageBytes: 1 }
  t.match((await at('POST', '', { id: 'a.b-c_D', title: '  가  ', quotas: all })).json(), { title: '가', quotas: all })
})

t.test('there are no more tenants with settings than COLLECTOR_TENANTS_MAX', async (t) => {
  const { at } = await administrated(t, { COLLECTOR_TENANTS_MAX: '2' })
  t.equal((await at('POST', '', { id: 'a' })).statusCode, 201)
  t.equal((await at('POST', '/teamA/suspend')).statusCode, 200)
  t.match((await at('POST', '', { id: 'b' })).json(), { status: 409, detail: /COLLECTOR_TENANTS_MAX/ })
  t.equal((await at('PATCH', '/teamB', { title: 'b' })).statusCode, 409)
  t.equal((await at('PATCH', '/a', { title: 'b' })).statusCode, 200, 'those that are there may change')
})

t.test('only administrators of the tenant default may, whatever headers say', async (t) => {
  const { ask, at } = await administrated(t)
  const paths = [
    ['GET', TENANTS],
    ['POST', TENANTS, { id: 'x' }],
    ['GET', `${TENANTS}/default`],
    ['PATCH', `${TENANTS}/teamA`, { quotas: { reportsPerDay: 0 } }],
    ['DELETE', `${TENANTS}/teamA`],
    ['POST', `${TENANTS}/teamB/suspend`],
    ['POST', `${TENANTS}/teamB/resume`],
    ['GET', `${TENANTS}/teamA/usage`],
  ] as const
  for (const [method, path, payload] of paths) {
    for (const headers of [TEAM_A, TEAM_A_SENDER, TEAM_B]) {
      t.equal((await ask(path, { method, payload, headers })).statusCode, 403, `${method} ${path}`)
    }
    const inTheirName = { ...TEAM_A, 'x-tenant': 'default', 'x-user-id': 'admin', 'x-forwarded-user': 'admin' }
    t.equal((await ask(path, { method, payload, headers: inTheirName })).statusCode, 403)
  }
  t.match((await at('GET', '/teamB')).json(), { state: 'active' })
  t.match((await at('POST', '/default/suspend')).json(), { status: 409 }, 'nobody locks themselves out')
  t.equal((await at('DELETE', '/default')).statusCode, 404)
  await at('PATCH', '/default', { title: 'the system' })
  t.match((await at('DELETE', '/default')).json(), { status: 409, detail: /stays/ })
})

t.test('with access required, a key in the field does not run the system unless it names its role', async (t) => {
  const secret = 'a secret that is long enough, 32+'
  const API_KEYS = 'default:field-key,default:ops-key:admin,default:reader-key:viewer'
  const { app } = await collector(t, { ACCESS: 'required', INTERNAL_SECRET: secret, API_KEYS })
  const exp = Math.floor(Date.now() / 1000) + 30
  const claims = { aud: 'collector', exp, tenant: 'default', roles: [], rid: 'r', ip: '203.0.113.9' }
  const by = async (more: object, headers: Record<string, string> = {}) => {
    const assertion = signAssertion(secret, { ...claims, ...more } as never)
    const answer = await app.inject({ url: TENANTS, headers: { 'x-najimban-assertion': assertion, ...headers } })
    return `${answer.statusCode} ${answer.json<{ error?: string }>().error ?? ''}`
  }
  const key = (name: string) => by({}, { 'x-tenant': 'default', 'x-api-key': name })
  t.equal(await key('ops-key'), '200 ')
  t.match(await key('field-key'), /^403 .*names its role in API_KEYS/)
  t.match(await key('reader-key'), /^403 /)
  t.equal(await by({ roles: ['admin'], cred: 'session:s' }), '200 ')
  t.match(await by({ roles: ['admin'], cred: 'key:k', scope: 'reports:read' }), /^403 /)
  t.match(await by({ roles: ['auditor'], cred: 'session:s' }), /^403 /)
  t.match(await by({ roles: ['admin'], cred: 'session:s', tenant: 'teamA' }), /^403 /)
})

t.test(
  'a suspended tenant is refused at once on every route, keeps its data, and its administrator takes it along',
  async (t) => {
    const { at, ask, app, ingest } = await administrated(t)
    const id = await ingest(report(1), TEAM_A)
    const sign = (await ask(`/reports/${id}/sign`, { method: 'POST', headers: TEAM_A })).json<{ token: string }>()
    const list = await ask('/reports', { headers: TEAM_A })
    await at('POST', '/teamA/suspend')
    const error = 'The tenant teamA is suspended'
    const routes: [string, Asked?][] = [
      ['/ingest/qc', { method: 'POST', payload: report(2) }],
      ['/ingest/qc/batch', { method: 'POST', payload: [report(3)] }],
      ['/reports'],
      ['/reports', { headers: { 'if-none-match': list.headers.etag as string } }],
      [`/reports/${id}`],
      [`/reports/${id}`, { method: 'DELETE' }],
      [`/reports/${id}/sign`, { method: 'POST' }],
      ['/timeline'],
      ['/findings'],
      ['/schemas'],
      ['/usage'],
      ['/admin/audit/logs'],
      ['/admin/retention/run', { method: 'POST' }],
    ]
    for (const [url, asked = {}] of routes) {
      const answer = await ask(url, { ...asked, headers: { ...asked.headers, ...TEAM_A } })
      t.match([answer.statusCode, answer.json()], [403, { error, message: error }], url)
    }
    const link = await app.inject(`/reports/${id}/bundle.zip?token=${sign.token}`)
    t.match([link.statusCode, link.json()], [403, { error }], 'links that were made before')
    t.equal((await ask(`/reports/${id}/bundle-meta`, { headers: TEAM_A })).statusCode, 200, 'exports are for its admin')
    t.equal((await ask(`/reports/${id}/bundle-meta`, { headers: TEAM_A_SENDER })).statusCode, 403, 'and nobody else')
    t.equal((await ask('/reports', { headers: TEAM_B })).statusCode, 200, 'others go on')
    t.match((await at('GET', '/teamA/usage')).json(), {
      state: 'suspended',
      stored: { reports: 1 },
      days: [{ reports: 1, refused: { suspended: routes.length + 2 } }],
    })
    await at('POST', '/teamA/resume')
    t.equal((await ask(`/reports/${id}`, { headers: TEAM_A })).statusCode, 200)
    t.equal((await app.inject(`/reports/${id}/bundle.zip?token=${sign.token}`)).statusCode, 200)
  },
)

t.test('a retried POST makes one tenant', async (t) => {
  const { at } = await administrated(t)
  const headers = { 'idempotency-key': 'k' }
  const first = await at('POST', '', { id: 'once' }, headers)
  const again = await at('POST', '', { id: 'once' }, headers)
  t.same([again.statusCode, again.json()], [201, first.json()])
  t.equal((await at('POST', '', { id: 'twice' }, headers)).statusCode, 422)
})

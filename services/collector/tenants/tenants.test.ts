import t from 'tap'
import { signAssertion } from '#shared/assertion.ts'
import { collector, TEAM_A, TEAM_A_SENDER, TEAM_B, type Asked } from '../test/collector.ts'

/** Every route that needs a tenant's key, for a report. */
const guarded = (id: string): [string, Asked?][] => [
  ['/ingest/qc', { method: 'POST', payload: { status: {} } }],
  ['/reports'],
  [`/reports/${id}`],
  [`/reports/${id}/sign`, { method: 'POST' }],
  [`/reports/${id}/sign-history`],
  [`/reports/${id}/bundle-meta`],
  ['/timeline'],
  ['/admin/retention/run', { method: 'POST' }],
  ['/admin/audit/logs'],
]

t.test('each guarded route says which header is missing, and refuses a wrong key', async (t) => {
  const { app, ingest } = await collector(t)
  for (const [url, asked] of guarded(await ingest())) {
    const ask = async (headers: Record<string, string>) => {
      const answer = await app.inject({ method: 'GET', ...(asked as object), url, headers })
      t.match(answer.headers['content-type'], 'application/problem+json', url)
      return `${answer.statusCode} ${answer.json<{ error: string }>().error}`
    }
    t.equal(await ask({}), '401 Missing X-Tenant and X-Api-Key', url)
    const challenge = (await app.inject({ method: 'GET', ...(asked as object), url })).headers['www-authenticate']
    t.equal(challenge, 'Bearer', 'the other way to say who asks (RFC 9110 15.5.2)')
    t.equal(await ask({ 'x-tenant': 'default', 'x-api-key': '' }), '401 Missing X-Api-Key', url)
    t.equal(await ask({ 'x-api-key': 'collector-key' }), '401 Missing X-Tenant', url)
    const wrong = await ask({ 'x-tenant': 'default', 'x-api-key': 'teamA-key' })
    t.equal(wrong, '403 Invalid X-Tenant or X-Api-Key', url)
    t.equal(await ask({ 'x-tenant': 'nobody', 'x-api-key': 'collector-key' }), wrong, 'tenants cannot be guessed')
  }
})

t.test('probes, metrics and the OpenAPI document need no key', async (t) => {
  const { app } = await collector(t)
  for (const url of ['/health', '/health/live', '/health/ready', '/metrics', '/openapi.json']) {
    t.equal((await app.inject(url)).statusCode, 200, url)
  }
})

t.test("on no route does a tenant see or touch another's report", async (t) => {
  const { ask, ingest } = await collector(t)
  const id = await ingest({ status: { secret: 'of team A' } }, TEAM_A)
  await ask(`/reports/${id}/sign`, { method: 'POST', headers: TEAM_A })
  const asB = (url: string, asked: Asked = {}) => ask(url, { ...asked, headers: TEAM_B })
  for (const [url, asked] of guarded(id).filter(([url]) => url.includes(id))) {
    const answer = await asB(url, asked)
    t.equal(answer.statusCode, 404, url)
    t.match(answer.json(), { message: 'Report not found' }, url)
    const other = await asB(url.replace(id, 'report-1-000000000'), asked)
    t.same({ ...answer.json(), instance: 0 }, { ...other.json(), instance: 0 }, 'as if it had never been')
  }
  t.match((await asB('/reports')).json(), { reports: [], pagination: { totalCount: 0 } })
  const timeline = (await asB('/timeline')).json<{ buckets: { info: number }[] }>()
  t.ok(timeline.buckets.every(({ info }) => info === 0))
  const { logs } = (await asB('/admin/audit/logs')).json<{ logs: { tenantId: string }[] }>()
  t.ok(logs.every(({ tenantId }) => tenantId === 'teamB'))
  t.equal((await ask(`/reports/${id}`, { headers: TEAM_A })).statusCode, 200)
})

t.test('only a key of the role admin runs retention and reads the audit log', async (t) => {
  const { ask, ingest } = await collector(t)
  const id = await ingest({ status: {} }, TEAM_A_SENDER)
  for (const [url, asked] of guarded(id)) {
    const status = (await ask(url, { ...asked, headers: TEAM_A_SENDER })).statusCode
    if (url.startsWith('/admin')) t.equal(status, 403, url)
    else t.ok(status < 300, url)
  }
})

t.test('with access required a key counts only behind the gateway, whose address of the client is noted', async (t) => {
  const secret = 'a secret that is long enough, 32+'
  const { ask } = await collector(t, { ACCESS: 'required', INTERNAL_SECRET: secret })
  t.equal((await ask('/reports')).statusCode, 401)
  t.equal((await ask('/reports/x/bundle.zip?token=x')).statusCode, 401)
  const now = Math.floor(Date.now() / 1000)
  const claims = { aud: 'collector', exp: now + 30, tenant: 'default', roles: [], rid: 'r', ip: '203.0.113.9' }
  const headers = { 'x-najimban-assertion': signAssertion(secret, claims) }
  t.equal((await ask('/reports', { headers })).statusCode, 200)
  t.equal((await ask('/reports', { headers: { ...headers, 'x-api-key': 'wrong' } })).statusCode, 403)
  t.equal((await ask('/reports/x/bundle.zip?token=x', { headers })).statusCode, 403)
  t.match((await ask('/admin/audit/logs', { headers })).json(), { logs: [{ ip: '203.0.113.9' }] })
})

t.test('whom the gateway has verified needs no X-Api-Key, and may do what the role and the scope say', async (t) => {
  const secret = 'a secret that is long enough, 32+'
  const { app } = await collector(t, { ACCESS: 'required', INTERNAL_SECRET: secret })
  const exp = Math.floor(Date.now() / 1000) + 30
  const as = (tenant: string, role: string, scope?: string) => ({
    'x-najimban-assertion': signAssertion(secret, {
      aud: 'collector',
      exp,
      tenant,
      roles: [role],
      cred: 'key:k1',
      rid: 'r',
      ip: '203.0.113.9',
      ...(scope === undefined ? {} : { scope }),
    }),
  })
  const ask = (url: string, headers: Record<string, string>, payload?: object) =>
    app.inject({ url, headers, ...(payload === undefined ? {} : { method: 'POST' as const, payload }) })
  const report = { status: { api: 'pass' } }
  const { id } = (await ask('/ingest/qc', as('teamA', 'operator'), report)).json<{ id: string }>()
  t.equal((await ask(`/reports/${id}`, as('teamA', 'viewer'))).statusCode, 200)
  t.equal((await ask(`/reports/${id}`, as('teamB', 'admin'))).statusCode, 404, 'not yours is not there')
  t.equal((await ask('/ingest/qc', as('teamA', 'viewer'), report)).statusCode, 403)
  t.equal((await ask('/ingest/qc', as('teamA', 'operator', 'ingest'), report)).statusCode, 201)
  const limited = await ask(`/reports/${id}`, as('teamA', 'operator', 'ingest'))
  t.equal(limited.statusCode, 403)
  t.match(limited.headers['www-authenticate'], 'insufficient_scope')
  t.equal((await ask('/reports', { ...as('teamA', 'viewer'), 'x-tenant': 'teamA' })).statusCode, 200)
  t.equal((await ask('/reports', { ...as('teamA', 'admin'), 'x-tenant': 'teamB' })).statusCode, 403)
  t.equal((await ask('/admin/audit/logs', as('teamA', 'operator'))).statusCode, 403)
  t.match((await ask('/admin/audit/logs', as('teamA', 'auditor'))).json(), {
    logs: [{ securityEvent: 'insufficient_role' }],
  })
})

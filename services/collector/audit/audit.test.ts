import { signAssertion } from '#shared/assertion.ts'
import t from 'tap'
import { collector, DEFAULT_KEY, TEAM_A, TEAM_A_SENDER } from '../test/collector.ts'
import type { AuditEntry } from './store.ts'

interface Logs {
  logs: AuditEntry[]
  count: number
  nextCursor?: string
}

const DAY_MS = 86_400_000

t.test('each request of a tenant is one entry, newest first, without its query', async (t) => {
  const { ask, ingest } = await collector(t)
  const headers = { 'user-agent': 'console/1.0 (한글 아님)'.replace(/[^\x20-\x7e]/g, '?') }
  const before = Date.now()
  const id = await ingest()
  await ask('/reports?severity=block', { headers })
  await ask('/reports/none', { headers: TEAM_A })
  const { token } = (await ask(`/reports/${id}/sign`, { method: 'POST' })).json<{ token: string }>()
  await ask(`/reports/${id}/bundle.zip?token=${token}`)
  await ask('/health')
  const answer = await ask('/admin/audit/logs')
  const { logs, count } = answer.json<Logs>()
  t.equal(count, 4)
  t.same(
    logs.map(({ method, path, statusCode }) => `${method} ${path} ${statusCode}`),
    [`GET /reports/${id}/bundle.zip 200`, `POST /reports/${id}/sign 200`, 'GET /reports 200', 'POST /ingest/qc 201'],
  )
  t.notMatch(answer.body, token)
  const { timestamp, responseTime, ...rest } = logs[2] as AuditEntry
  t.ok(timestamp >= before && timestamp <= Date.now())
  t.ok(responseTime >= 0)
  t.match(rest, { tenantId: 'default', ip: '127.0.0.1', userAgent: headers['user-agent'] })
  t.notOk('securityEvent' in rest)
  t.match((await ask('/admin/audit/logs', { headers: TEAM_A })).json(), { logs: [{ statusCode: 404 }], count: 1 })
})

t.test('a refused request is in the log of the tenant that it named, if there is one', async (t) => {
  const { app, ask, sql } = await collector(t)
  const get = (headers: Record<string, string>) => app.inject({ url: '/reports', headers })
  await get({})
  await get({ 'x-tenant': 'default' })
  await get({ 'x-tenant': 'default', 'x-api-key': 'wrong' })
  await get({ 'x-tenant': 'nobody', 'x-api-key': 'wrong' })
  await ask('/reports')
  const find = async (event: string) =>
    (await ask(`/admin/audit/logs?security_event=${event}`)).json<Logs>().logs.map((entry) => entry.securityEvent)
  t.same(await find('true'), ['invalid_key', 'missing_credentials'])
  t.same(await find('invalid_key'), ['invalid_key'])
  t.same(await find('bad_token'), [])
  t.ok((await find('false')).every((event) => event === undefined))
  t.same(await sql('SELECT DISTINCT tenantId AS tenant FROM audit_log'), [{ tenant: 'default' }])
})

t.test('an entry says who asked, as far as it is proven, and nobody of another tenant', async (t) => {
  const secret = 'a secret that is long enough, 32+'
  const { app } = await collector(t, { ACCESS: 'required', INTERNAL_SECRET: secret })
  const exp = Math.floor(Date.now() / 1000) + 30
  const as = (tenant: string, credential: { sub?: string; cred?: string }) => ({
    'x-najimban-assertion': signAssertion(secret, {
      ...{ aud: 'collector', exp, tenant, roles: ['admin'], rid: 'r', ip: '203.0.113.9' },
      ...credential,
    }),
  })
  const send = async (headers: Record<string, string>) =>
    (await app.inject({ method: 'POST', url: '/ingest/qc', payload: { status: { api: 'pass' } }, headers })).statusCode
  const account = { sub: 'u1', cred: 'session:s1' }
  t.equal(await send({ ...TEAM_A_SENDER, ...as('default', {}) }), 201)
  t.equal(await send(as('teamA', account)), 201)
  t.equal(await send(as('teamA', { cred: 'key:k1' })), 201)
  t.equal(await send({ ...as('default', {}), 'x-tenant': 'teamA', 'x-api-key': 'wrong' }), 403)
  t.equal(await send({ ...as('teamB', account), 'x-tenant': 'teamA' }), 403)
  const answer = await app.inject({ url: '/admin/audit/logs', headers: as('teamA', account) })
  t.same(
    answer.json<Logs>().logs.map(({ statusCode, actor }) => [statusCode < 300, actor]),
    [
      [false, undefined],
      [false, undefined],
      [true, 'key:k1'],
      [true, 'account:u1'],
      [true, 'tenant-key:teamA:sender'],
    ],
  )
  t.notMatch(answer.body, TEAM_A_SENDER['x-api-key'])
})

t.test("a path that cannot be decoded is nobody's, and harms nothing", async (t) => {
  const { app, ask } = await collector(t)
  const said: unknown[] = []
  app.log.error = (what: unknown) => void said.push(what)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  for (const path of ['/%ff', '/reports/%zz', '/ingest/qc/%']) {
    for (const headers of [{}, DEFAULT_KEY]) {
      t.equal((await fetch(`http://127.0.0.1:${port}${path}`, { headers })).status, 400, path)
    }
  }
  t.equal((await ask('/reports')).statusCode, 200)
  t.same(said, [], 'no listener failed')
  t.match((await ask('/admin/audit/logs')).json(), { count: 1 })
})

t.test('entries are selected by time and given in pages', async (t) => {
  const { ask, writer } = await collector(t)
  const entry = { method: 'GET', path: '/x', tenantId: 'default', ip: '::1', statusCode: 200, responseTime: 1.25 }
  const yesterday = Date.now() - DAY_MS
  const entries = [1, 2, 2, 3].map((ms, n) => ({ ...entry, timestamp: yesterday + ms, path: `/${n}` }))
  await writer.run('addAuditEntries', JSON.stringify(entries))
  const until = `end_time=${yesterday + 9}`
  const find = async (query: string) => (await ask(`/admin/audit/logs?${query}`)).json<Logs>()
  const paths = async (query: string) => (await find(query)).logs.map(({ path }) => path)
  t.same(await paths(`start_time=${yesterday + 2}&${until}`), ['/3', '/2', '/1'])
  t.same(await paths(`end_time=${yesterday + 2}`), ['/2', '/1', '/0'])
  t.same(await paths(`start_time=${new Date(yesterday + 3).toISOString()}&${until}`), ['/3'])
  const first = await find(`${until}&limit=2`)
  const second = await find(`${until}&limit=2&cursor=${first.nextCursor}`)
  t.same(
    [...first.logs, ...second.logs].map(({ path }) => path),
    ['/3', '/2', '/1', '/0'],
  )
  t.equal(second.nextCursor, undefined)
  for (const query of ['limit=0', 'limit=1001', 'start_time=x', 'end_time=1.5', 'security_event=A', 'cursor=x']) {
    t.equal((await ask(`/admin/audit/logs?${query}`)).statusCode, 400, query)
  }
})

t.test('a long user agent and a long path are cut', async (t) => {
  const { ask } = await collector(t)
  await ask(`/reports/${'x'.repeat(900)}`, { headers: { 'user-agent': 'u'.repeat(5000) } })
  const { logs } = (await ask('/admin/audit/logs')).json<Logs>()
  t.equal(logs[0]?.userAgent?.length, 256)
  t.equal(logs[0]?.path.length, 512)
})

t.test('entries are on disk after a stop, and those past their age are gone after the next start', async (t) => {
  const first = await collector(t, { AUDIT_FLUSH_MS: '60000', DATA_DIR: t.testdir({}) })
  const entry = { method: 'GET', tenantId: 'default', ip: '', statusCode: 200, responseTime: 1 }
  await first.writer.run(
    'addAuditEntries',
    JSON.stringify([{ ...entry, path: '/old', timestamp: Date.now() - 31 * DAY_MS }]),
  )
  for (let n = 0; n < 600; n++) await first.ask('/reports')
  await first.close()
  const second = await collector(t, { DATA_DIR: first.dataDir })
  // It comes after the deletion that the start began.
  await second.writer.run('removeAuditBefore', 0, 1)
  const { logs } = (await second.ask('/admin/audit/logs?limit=1000')).json<Logs>()
  t.equal(logs.length, 600)
  t.notOk(logs.some(({ path }) => path === '/old'))
})

const droppedOf = async (ask: (url: string) => Promise<{ body: string }>) =>
  Number(/collector_audit_dropped_total (\d+)/.exec((await ask('/metrics')).body)?.[1])

t.test('entries beyond the bound, and those that nothing can store, are dropped and counted', async (t) => {
  const { ask, sql } = await collector(t, { AUDIT_QUEUE_MAX: '3', AUDIT_FLUSH_MS: '60000' })
  for (let n = 0; n < 5; n++) t.equal((await ask(`/reports?limit=${n + 1}`)).statusCode, 200)
  t.equal(await droppedOf(ask), 2)
  await sql('CREATE UNIQUE INDEX one_only ON audit_log (tenantId)')
  t.match((await ask('/admin/audit/logs')).json(), { count: 1 }, 'one of the three fits')
  t.equal(await droppedOf(ask), 4, 'and two alone are lost')
  await sql('DROP INDEX one_only')
  t.match((await ask('/admin/audit/logs')).json(), { count: 2 })
})

/** As when the file or the server is gone: whoever writes is told so. */
const outage = (health: Awaited<ReturnType<typeof collector>>['health']) => health.watch(async () => false)

t.test('entries of an outage wait for its end, in their order', async (t) => {
  const { ask, sql, health } = await collector(t, { AUDIT_FLUSH_MS: '20' })
  await outage(health)
  const paths = Array.from({ length: 40 }, (_, n) => `/reports/none-${n}`)
  for (const path of paths) await ask(path)
  const stored = async () =>
    (await sql<{ path: string }>("SELECT path FROM audit_log WHERE path LIKE '/reports/none-%' ORDER BY seq")).map(
      ({ path }) => path,
    )
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.same(await stored(), [])
  await health.watch(async () => true)
  for (let tries = 0; (await stored()).length === 0 && tries < 500; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  t.same(await stored(), paths, 'each of them once')
  t.equal(await droppedOf(ask), 0)
})

t.test('an outage longer than the bound costs what is beyond it, and a stop does not wait for its end', async (t) => {
  const { ask, health, sql, close } = await collector(t, { AUDIT_FLUSH_MS: '20', AUDIT_QUEUE_MAX: '10' })
  await outage(health)
  for (let n = 0; n < 15; n++) await ask(`/reports/none-${n}`)
  t.equal(await droppedOf(ask), 5)
  await close()
  t.same(await sql('SELECT path FROM audit_log'), [])
})

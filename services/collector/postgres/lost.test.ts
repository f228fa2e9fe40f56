import t, { type Test } from 'tap'
import { startPostgres } from '../test/postgres-server.ts'
import { collector } from '../test/collector.ts'

const server = await startPostgres().catch((error: unknown) => error as Error)
const options = { skip: server instanceof Error && `no PostgreSQL can be started here: ${server.message}` }

const until = async (holds: () => Promise<boolean>) => {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries === 500) throw new Error('it never came')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function onOwnServer(t: Test) {
  const own = server as Exclude<typeof server, Error>
  const service = await collector(t, { COLLECTOR_DATABASE_URL: own.url, COLLECTOR_DATABASE_TIMEOUT_MS: '2000' })
  return { own, ...service }
}

t.test('a server that restarts costs what was under way; everything goes on by itself', options, async (t) => {
  const { own, ask, ingest, health, app } = await onOwnServer(t)
  t.teardown(() => own.stop())
  const before = await ingest({ status: {}, raw: 'before' })
  await own.restart()
  // Connections that were idle are gone: a read is asked again, a write is told to come again.
  t.equal((await ask(`/reports/${before}`)).statusCode, 200)
  await until(async () => (await ask('/ingest/qc', { method: 'POST', payload: { status: {} } })).statusCode === 201)

  await own.halt()
  const refused = await ask('/ingest/qc', { method: 'POST', payload: { status: {}, raw: 'meanwhile' } })
  t.equal(refused.statusCode, 503)
  t.equal(refused.headers['retry-after'], '1')
  t.equal((await ask('/reports')).statusCode, 503)
  t.equal((await ask('/admin/audit/logs')).statusCode, 503)
  await health.check()
  const known = await ask('/ingest/qc', { method: 'POST', payload: { status: {}, raw: 'meanwhile' } })
  t.match([known.statusCode, known.headers['retry-after']], [503, '1'], 'also when it is known to be away')
  t.same((await app.inject('/health')).json(), { status: 'degraded', service: 'collector', database: 'disconnected' })
  t.equal((await app.inject('/health/ready')).statusCode, 503)
  t.equal((await app.inject('/health/live')).statusCode, 200)

  await own.start()
  await until(async () => {
    await health.check()
    return (await app.inject('/health/ready')).statusCode === 200
  })
  t.match((await app.inject('/health')).json(), { status: 'ok', database: 'connected' })
  const after = await ingest({ status: {}, raw: 'after' })
  const { reports } = (await ask('/reports')).json<{ reports: { id: string }[] }>()
  t.ok(reports.some(({ id }) => id === before) && reports.some(({ id }) => id === after))
  // Who asked while it was away is in the audit log, too.
  const entries = async () =>
    (await ask('/admin/audit/logs')).json<{ logs: { path: string; statusCode: number }[] }>().logs
  await until(async () => (await entries()).some(({ path }) => path === '/admin/audit/logs'))
  const away = (await entries()).filter(({ statusCode }) => statusCode === 503).map(({ path }) => path)
  t.ok(
    ['/ingest/qc', '/reports', '/admin/audit/logs'].every((path) => away.includes(path)),
    away.join(),
  )
})

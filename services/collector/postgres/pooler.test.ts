import { asTenant } from '#shared/scope.ts'
import t from 'tap'
import { collector, judged, TEAM_A } from '../test/collector.ts'
import { NO_POOLER, startPgBouncer } from '../test/pgbouncer.ts'
import { freshDatabase, needsPostgres, poolOf } from '../test/postgres.ts'
import { sql } from './sql.ts'

const { skip } = await needsPostgres()

t.test('the service works behind PgBouncer in transaction mode', { skip: skip || NO_POOLER }, async (t) => {
  const direct = await freshDatabase(t, { empty: true })
  const pooled = await startPgBouncer(t, direct)
  const both = [1, 2].map(() => collector(t, { COLLECTOR_DATABASE_URL: pooled, COLLECTOR_LISTEN_URL: direct }))
  const [one, other] = (await Promise.all(both)) as [Awaited<(typeof both)[0]>, Awaited<(typeof both)[0]>]

  const heard = new Promise((resolve) => other.versions.onChange(resolve))
  const sent = await Promise.all(
    Array.from({ length: 100 }, (_, n) => {
      const to = n % 2 === 0 ? one : other
      const headers = n % 3 === 0 ? TEAM_A : {}
      return to.ask('/ingest/qc', { method: 'POST', payload: { ...judged('warn'), raw: n }, headers })
    }),
  )
  t.ok(sent.every(({ statusCode }) => statusCode === 201))
  t.ok(await heard, 'notifications come by a connection of their own')
  t.match((await one.ask('/reports')).json(), { pagination: { totalCount: 66 } })
  t.match((await other.ask('/reports', { headers: TEAM_A })).json(), { pagination: { totalCount: 34 } })
  t.match((await other.ask('/findings')).json(), { totalCount: 1, findings: [{ count: 66 }] })
  const id = await one.ingest()
  t.equal((await other.ask(`/reports/${id}/sign`, { method: 'POST' })).statusCode, 200)
  t.equal((await one.ask(`/reports/${id}`, { method: 'DELETE' })).statusCode, 204)

  const pool = poolOf(pooled, { COLLECTOR_DATABASE_POOL: '20' })
  t.teardown(() => pool.end())
  const tenants = Array.from({ length: 200 }, (_, n) => (n % 2 === 0 ? 'default' : 'teamA'))
  const counts = await Promise.all(
    tenants.map((tenant) => pool.of(asTenant(tenant)).first<{ n: number }>(sql`SELECT count(*) AS n FROM reports`)),
  )
  t.same(
    counts.map((row) => row?.n),
    tenants.map((tenant) => (tenant === 'default' ? 66 : 34)),
    'who shares a connection sees its own rows',
  )
  const prepared = await Promise.all(
    tenants.map(() => pool.everyTenant.all(sql`SELECT name FROM pg_prepared_statements`)),
  )
  t.same(prepared.flat(), [], 'nothing is prepared where the next transaction may be another process’s')
})

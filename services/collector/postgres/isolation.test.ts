import { asTenant } from '#shared/scope.ts'
import t from 'tap'
import { collector, judged, TEAM_A } from '../test/collector.ts'
import { freshDatabase, needsPostgres, poolOf } from '../test/postgres.ts'
import { raw, sql, textOf } from './sql.ts'
import { transaction } from './transaction.ts'
import { encode, storable } from './values.ts'

const options = await needsPostgres()
const [DEFAULT, OTHER] = [asTenant('default'), asTenant('teamA')]

t.test(
  'a query sees the rows of its tenant only, whatever its conditions, and without one none',
  options,
  async (t) => {
    const url = await freshDatabase(t)
    const { ask, ingest } = await collector(t, { COLLECTOR_DATABASE_URL: url })
    const own = await ingest(judged('block'))
    await ask('/ingest/qc', { method: 'POST', payload: judged('warn'), headers: TEAM_A })
    await ask(`/reports/${own}/sign`, { method: 'POST', headers: { 'idempotency-key': 'k' } })
    await ask('/admin/audit/logs')
    const pool = poolOf(url)
    t.teardown(() => pool.end())

    const tables = await pool.everyTenant.all<{ name: string; forced: boolean; kind: string }>(
      sql`SELECT c.oid::regclass::text AS name, relrowsecurity AND relforcerowsecurity AS forced, relkind AS kind
      FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
        AND EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = c.oid AND attname IN ('tenantid', 'owner'))`,
    )
    t.ok(tables.length > 10)
    t.same(
      tables.filter(({ forced }) => !forced),
      [],
      'every table with rows of tenants is isolated',
    )
    const count = async (who: 'default' | 'teamA' | 'nobody', table: string) => {
      const statement = sql`SELECT count(*) AS n FROM ${raw(table)}`
      if (who === 'nobody') {
        const [found] = await pool.connected((client) =>
          client.query<{ n: number }>(textOf(statement)).then(({ rows }) => rows),
        )
        return found?.n
      }
      return (await pool.of(asTenant(who)).first<{ n: number }>(statement))?.n
    }
    t.equal(await count('default', 'reports'), 1)
    t.equal(await count('teamA', 'reports'), 1)
    for (const { name, kind } of tables) {
      t.equal(await count('nobody', name), 0, `${name} shows nothing without a tenant`)
      if (kind === 'r' && name.startsWith('reports_2'))
        t.equal(await count('default', name), 0, `nor does a month by itself`)
    }
    for (const table of ['sign_tokens', 'idempotency_keys']) {
      t.same([await count('default', table), await count('teamA', table)], [1, 0], table)
    }

    const foreign = sql`SELECT id FROM reports WHERE tenantId = ${OTHER}`
    t.same(await pool.of(DEFAULT).all(foreign), [])
    t.equal((await pool.everyTenant.all(foreign)).length, 1)
    t.equal(await pool.of(DEFAULT).run(sql`DELETE FROM reports WHERE tenantId = ${OTHER}`), 0)
    const insert = sql`INSERT INTO schemas VALUES (${OTHER}, 'x', 1, '{}', 0)`
    await t.rejects(pool.of(DEFAULT).run(insert), { code: '42501' }, 'nor can it store anything for another one')
  },
)

t.test('a tenant holds until the end of a transaction, not of a connection', options, async (t) => {
  const url = await freshDatabase(t)
  const pool = poolOf(url)
  t.teardown(() => pool.end())
  const tenant = sql`SELECT current_setting('najimban.tenant', true) AS name`
  const inside = await transaction(pool, DEFAULT, (tx) => tx.first(tenant))
  t.same(inside, { name: 'default' })
  for (let n = 0; n < 3; n++) {
    const [row] = await pool.connected((client) => client.query(textOf(tenant)).then(({ rows }) => rows as unknown[]))
    t.same(row, { name: '' })
  }
})

t.test('what is put into a statement is bound, in its order, also in parts of it', async (t) => {
  const condition = sql`a = ${1} AND b = ${'x'}`
  const whole = sql`SELECT ${raw('c')} FROM t WHERE ${condition} LIMIT ${2}`
  t.equal(textOf(whole), 'SELECT c FROM t WHERE a = $1 AND b = $2 LIMIT $3')
  t.same(whole.values, [1, 'x', 2])
})

t.test('texts, numbers, bytes and lists are stored as they are', options, async (t) => {
  const pool = poolOf(await freshDatabase(t))
  t.teardown(() => pool.end())
  const texts = ['', 'a"b\\c', '{x,y}', 'NULL', '한글 🙂', "it's", '\t\n']
  const rows = await pool.everyTenant.all<{ value: string }>(
    sql`SELECT value FROM unnest(${texts}::text[]) WITH ORDINALITY AS list (value, ord) ORDER BY ord`,
  )
  t.same(
    rows.map(({ value }) => value),
    texts,
  )
  const bytes = Buffer.from([0, 1, 255])
  const mixed = await pool.everyTenant.first(
    sql`SELECT ${bytes}::bytea AS one, (${[bytes, null]}::bytea[])[1] AS two, (${[null, 'a']}::text[])[1] AS three,
      ${9_007_199_254_740_991}::bigint AS four, sum(n) AS five, ${true}::boolean AS six FROM generate_series(1, 3) AS n`,
  )
  t.same(mixed, { one: bytes, two: bytes, three: null, four: 9_007_199_254_740_991, five: 6, six: true })
  t.equal(storable('a\u0000b'), 'a\u2400b')
  t.equal(encode(undefined), null)
})

t.test('a text with U+0000 is stored with its picture, and looked for likewise', options, async (t) => {
  const { ask, ingest } = await collector(t, { COLLECTOR_DATABASE_URL: await freshDatabase(t) })
  const report = {
    status: {},
    markdown: 'a\u0000b',
    notes: ['n\u0000'],
    policy: {
      policy_version: 'v\u0000',
      evaluations: [{ rule_id: 'r\u0000', target: 't\u0000', verdict: 'block', severity: 'block', message: 'm\u0000' }],
    },
  }
  const id = await ingest(report)
  const stored = (await ask(`/reports/${id}`)).json<{ report: unknown; markdown: string }>()
  t.match(stored.report, { notes: ['n\u0000'] }, 'inside the report it is an escape')
  t.equal(stored.markdown, 'a\u2400b')
  t.match((await ask('/findings?rule=r%00')).json(), { totalCount: 1, findings: [{ target: 't\u2400' }] })
  await ingest({ ...report, notes: [] })
  t.match((await ask('/findings')).json(), { totalCount: 1, findings: [{ count: 2 }] })
})

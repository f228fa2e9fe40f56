import { asTenant } from '#shared/scope.ts'
import t from 'tap'
import { newReportId } from '../ingest/report-id.ts'
import { collector, judged } from '../test/collector.ts'
import { freshDatabase, needsPostgres, poolOf } from '../test/postgres.ts'
import { valueOf } from '../writer/protocol.ts'
import { createPartitions, monthOf, timeOfId } from './partitions.ts'
import { raw, sql } from './sql.ts'

const options = await needsPostgres()
const DAY_MS = 86_400_000

const months = async (pool: ReturnType<typeof poolOf>) =>
  (
    await pool.everyTenant.all<{ name: string }>(
      sql`SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'reports'::regclass ORDER BY 1`,
    )
  ).map(({ name }) => name)

t.test('a month is that of UTC', async (t) => {
  t.same(monthOf(Date.UTC(2026, 10, 30, 23, 59, 59, 999)), {
    name: 'reports_2026_11',
    from: Date.UTC(2026, 10, 1),
    to: Date.UTC(2026, 11, 1),
  })
  t.match(monthOf(Date.UTC(2026, 11, 1)), { name: 'reports_2026_12', to: Date.UTC(2027, 0, 1) })
  t.equal(timeOfId(newReportId(1_795_249_766_139)), 1_795_249_766_139)
  for (const id of ['', 'report-', 'report-x-1', 'report-1234567890123456-a', "report-1'-"])
    t.equal(timeOfId(id), undefined)
})

t.test(
  'this month and the next two are there from the start, and older ones as soon as a report needs them',
  options,
  async (t) => {
    const url = await freshDatabase(t, { empty: true })
    const { ask, ingestAt } = await collector(t, { COLLECTOR_DATABASE_URL: url })
    const pool = poolOf(url)
    t.teardown(() => pool.end())
    const ahead = [0, 1, 2].map((n) => {
      const date = Temporal.Now.zonedDateTimeISO('UTC').add({ months: n })
      return monthOf(date.epochMilliseconds).name
    })
    t.same(await months(pool), ahead)
    const days = [0, 31, 62, 400, 20_000]
    const ids: string[] = []
    for (const day of days) ids.push(await ingestAt(Date.now() - day * DAY_MS, judged('warn')))
    t.equal((await months(pool)).length, 3 + 4)
    t.match((await ask('/reports?limit=10')).json(), {
      reports: ids.map((id) => ({ id })),
      pagination: { totalCount: 5 },
    })
    for (const id of ids) t.equal((await ask(`/reports/${id}`)).statusCode, 200)
    const plan = await pool
      .of(asTenant('default'))
      .all<object>(
        sql`EXPLAIN SELECT 1 FROM reports WHERE createdAt = ${timeOfId(ids[3] as string)} AND id = ${ids[3]}`,
      )
    const read = new Set([...JSON.stringify(plan).matchAll(/reports_\d{4}_\d\d/g)].map(([name]) => name))
    t.equal(read.size, 1, 'who looks for a report looks in its month only')
  },
)

t.test('several replicas make the same months and nobody waits for it', options, async (t) => {
  const pool = poolOf(await freshDatabase(t))
  t.teardown(() => pool.end())
  const before = await months(pool)
  const years = Array.from({ length: 12 }, (_, month) => Date.UTC(2001, month, 15))
  await Promise.all([1, 2, 3].map(() => createPartitions(pool).ensure(years)))
  t.equal((await months(pool)).length, before.length + 12)
})

t.test(
  'of months that are over there are no more than so many, and reports of others are refused one by one',
  options,
  async (t) => {
    const url = await freshDatabase(t)
    const pool = poolOf(url)
    t.teardown(() => pool.end())
    const most = (await months(pool)).length + 2
    const times = Array.from({ length: 4 }, (_, month) => Date.UTC(2001, month, 15))
    const partitions = createPartitions(pool, most)
    t.same(await partitions.ensure(times), new Set(times.slice(2)))
    t.same(
      await partitions.ensure([...times, Date.UTC(2001, 3, 16)]),
      new Set([...times.slice(2), Date.UTC(2001, 3, 16)]),
    )
    t.equal((await months(pool)).length, most)
    const nextYear = Temporal.Now.zonedDateTimeISO('UTC').add({ months: 11 }).epochMilliseconds
    await partitions.ensureAhead(nextYear)
    t.equal((await months(pool)).length, most + 3, 'those that are to come are always made')
  },
)

t.test('a report whose month cannot be made any more is refused, and those beside it are not', options, async (t) => {
  const url = await freshDatabase(t)
  const pool = poolOf(url)
  t.teardown(() => pool.end())
  const { writer } = await collector(t, { COLLECTOR_DATABASE_URL: url })
  const missing = 480 - (await months(pool)).length
  await pool.everyTenant.run(
    raw(`DO $$ BEGIN FOR n IN 1..${missing} LOOP
      EXECUTE format('CREATE TABLE filler_%s PARTITION OF reports FOR VALUES FROM (%s) TO (%s)', n, n, n + 1);
    END LOOP; END $$`),
  )
  const times = [Date.now(), Date.UTC(2001, 0, 15), Date.now()]
  const text = JSON.stringify({ status: {} })
  const outcomes = await writer.ingest(
    times.map((createdAt) => ({
      tenantId: asTenant('default'),
      text,
      restored: { id: newReportId(createdAt), createdAt },
    })),
  )
  t.match(outcomes.map(valueOf), [
    { status: 'stored' },
    { status: 'rejected', errors: [{ field: 'createdAt' }] },
    { status: 'stored' },
  ])
})

t.test('a report whose id has another time is refused, and so is the same id once more', options, async (t) => {
  const { writer, sql: rows } = await collector(t, { COLLECTOR_DATABASE_URL: await freshDatabase(t) })
  const text = JSON.stringify({ status: {} })
  const restore = async (id: string, createdAt: number) => {
    const [outcome] = await writer.ingest([{ tenantId: asTenant('default'), text, restored: { id, createdAt } }])
    return valueOf(outcome as NonNullable<typeof outcome>)
  }
  const id = newReportId(1000)
  await t.rejects(restore(id, 2000))
  t.match(await restore(id, 1000), { status: 'stored' })
  t.match(await restore(id, 1000), { status: 'duplicate' })
  t.same(await rows('SELECT count(*) AS n FROM reports'), [{ n: 1 }])
})

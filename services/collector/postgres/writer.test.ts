import { asTenant } from '#shared/scope.ts'
import t, { type Test } from 'tap'
import { collector } from '../test/collector.ts'
import { freshDatabase, needsPostgres, poolOf } from '../test/postgres.ts'
import { sql } from './sql.ts'
import { transaction } from './transaction.ts'

const options = await needsPostgres()
const TENANT = asTenant('default')
const refuses = async (t: Test, write: Promise<unknown>, problem: object) =>
  void t.match(await write.catch((error: unknown) => error), problem)
const item = (raw: unknown) => ({ tenantId: TENANT, text: JSON.stringify({ status: {}, raw }) })

t.test('a report that cannot be stored fails alone, wherever it is among the others', options, async (t) => {
  const { writer, sql: rows } = await collector(t, { COLLECTOR_DATABASE_URL: await freshDatabase(t) })
  await rows("ALTER TABLE reports ADD CONSTRAINT pure CHECK (position('poison' IN report) = 0)")
  const raws = Array.from({ length: 20 }, (_, n) => (n === 3 || n === 17 ? `poison ${n}` : n))
  const outcomes = await writer.ingest(raws.map(item))
  t.same(
    outcomes.map((outcome) => 'failure' in outcome),
    raws.map((raw) => typeof raw === 'string'),
  )
  t.same(await rows('SELECT count(*) AS n FROM reports'), [{ n: 18 }])
  t.same(await rows('SELECT sum(reports) AS n FROM report_hours'), [{ n: 18 }], 'and so do the counts')
})

t.test('a command that is refused leaves those beside it alone', options, async (t) => {
  const { ask, ingest } = await collector(t, { COLLECTOR_DATABASE_URL: await freshDatabase(t) })
  const ids = [await ingest({ status: {}, raw: 1 }), await ingest({ status: {}, raw: 2 })]
  const answers = await Promise.all(
    [ids[0], 'report-1-nobody000', ids[1], 'report-x'].map((id) => ask(`/reports/${id}/sign`, { method: 'POST' })),
  )
  t.same(
    answers.map(({ statusCode }) => statusCode),
    [200, 404, 200, 404],
  )
})

t.test('a transaction that loses a conflict is done anew, and one that keeps losing is 503', options, async (t) => {
  const pool = poolOf(await freshDatabase(t))
  t.teardown(() => pool.end())
  const put = (n: number) => sql`INSERT INTO schemas VALUES (${TENANT}, ${`s${n}`}, 1, '', ${0})`
  await transaction(pool, TENANT, async (tx) => void (await tx.together(put(1), put(2))))
  const touch = (n: number) => sql`UPDATE schemas SET createdAt = createdAt + 1 WHERE name = ${`s${n}`}`
  let attempts = 0
  let arrived = 0
  let open: () => void
  const bothHold = new Promise<void>((resolve) => (open = resolve))
  const cross = (first: number, then: number) =>
    transaction(pool, TENANT, async (tx) => {
      attempts++
      await tx.run(touch(first))
      if (++arrived === 2) open()
      await bothHold
      await tx.run(touch(then))
    })
  await Promise.all([cross(1, 2), cross(2, 1)])
  t.equal(attempts, 3, 'one of two that wait for each other is done once more')
  t.same(await pool.of(TENANT).all(sql`SELECT createdAt AS n FROM schemas ORDER BY name`), [{ n: 2 }, { n: 2 }])

  const lost = Object.assign(new Error('could not serialize'), { code: '40001', severity: 'ERROR' })
  await refuses(
    t,
    transaction(pool, TENANT, () => Promise.reject(lost)),
    { problem: 'unavailable', options: { headers: { 'retry-after': '1' } } },
  )
})

t.test('what fails alone undoes itself, and what was before it stays', options, async (t) => {
  const pool = poolOf(await freshDatabase(t))
  t.teardown(() => pool.end())
  const put = (name: string) => sql`INSERT INTO schemas VALUES (${TENANT}, ${name}, 1, '', 0)`
  await transaction(pool, TENANT, async (tx) => {
    tx.later(put('before'))
    await t.rejects(
      tx.alone(async () => {
        tx.later(put('never sent'))
        throw new Error('before anything was sent')
      }),
      /before anything/,
    )
    await t.rejects(
      tx.alone(async () => {
        await tx.run(put('undone'))
        await tx.run(put('undone'))
      }),
      { code: '23505' },
    )
    await t.rejects(
      tx.alone(async () => tx.later(put('before'))),
      { code: '23505' },
      'also what it left for later',
    )
    await tx.alone(() => tx.run(put('after')))
  })
  t.same(await pool.of(TENANT).all(sql`SELECT name FROM schemas ORDER BY name`), [
    { name: 'after' },
    { name: 'before' },
  ])
})

t.test(
  'a statement that takes too long is ended and answered with 503, and the connection is good again',
  options,
  async (t) => {
    const pool = poolOf(await freshDatabase(t), { COLLECTOR_DATABASE_TIMEOUT_MS: '200' })
    t.teardown(() => pool.end())
    await refuses(t, pool.everyTenant.all(sql`SELECT pg_sleep(30)`), { problem: 'unavailable' })
    t.same(await pool.everyTenant.first(sql`SELECT 1 AS n`), { n: 1 })
  },
)

import t from 'tap'
import { freshDatabase, needsPostgres, poolOf } from '../test/postgres.ts'
import { EVERY_TENANT, type Pool } from './pool.ts'
import { raw, sql, type Statement } from './sql.ts'
import { transaction, type Transaction } from './transaction.ts'

const options = await needsPostgres()
const FAILS = sql`SELECT 1 / 0`
const insertion = (table: string, value: number): Statement => sql`INSERT INTO ${raw(table)} (value) VALUES (${value})`

/** Two tables and transactions that see everything, one after the other on one connection. */
async function writing(url: string, prepared: string) {
  const pool: Pool = poolOf(url, { COLLECTOR_DATABASE_PREPARED: prepared })
  const write = <T>(work: (tx: Transaction) => Promise<T>) => transaction(pool, EVERY_TENANT, work)
  const kept = async () => {
    const found = await pool.everyTenant.all<{ statement: string; uses: number }>(
      sql`SELECT statement, generic_plans + custom_plans AS uses FROM pg_prepared_statements WHERE statement LIKE 'INSERT%'`,
    )
    return Object.fromEntries(found.map(({ statement, uses }) => [/one|two/.exec(statement)?.[0], uses]))
  }
  return { pool, write, kept }
}

t.test('a statement that writes is read and planned once on a connection, unless that is off', options, async (t) => {
  const url = await freshDatabase(t)
  for (const [prepared, uses] of [
    ['auto', { one: 3 }],
    ['on', { one: 3 }],
    ['off', {}],
  ] as const) {
    const { pool, write, kept } = await writing(url, prepared)
    await pool.everyTenant.run(raw('DROP TABLE IF EXISTS one'))
    await pool.everyTenant.run(raw('CREATE TABLE one (value BIGINT)'))
    for (const value of [1, 2, 3]) {
      await write(async (tx) => {
        tx.later(insertion('one', value))
        t.equal((await tx.all(sql`SELECT value FROM one`)).length, value)
      })
    }
    t.same(await kept(), uses, prepared)
    await pool.end()
  }
})

t.test('after a failure nothing is taken for known that the server may not have read', options, async (t) => {
  const { pool, write, kept } = await writing(await freshDatabase(t), 'auto')
  t.teardown(() => pool.end())
  for (const table of ['one', 'two']) await pool.everyTenant.run(raw(`CREATE TABLE ${table} (value BIGINT)`))
  await t.rejects(write((tx) => tx.together(insertion('one', 1), FAILS, insertion('two', 1))))
  t.same(await kept(), { one: 1 })
  await write((tx) => tx.together(insertion('one', 2), insertion('two', 2)))
  t.same(await kept(), { one: 1, two: 1 })
  t.same(await pool.everyTenant.all(sql`SELECT * FROM one NATURAL JOIN two`), [{ value: 2 }])
})

t.test('statements that are not there any more are brought by another connection', options, async (t) => {
  const { pool, write, kept } = await writing(await freshDatabase(t), 'auto')
  t.teardown(() => pool.end())
  await pool.everyTenant.run(raw('CREATE TABLE one (value BIGINT)'))
  await write((tx) => tx.run(insertion('one', 1)))
  await pool.connected((client) => client.query('DEALLOCATE ALL'))
  await write((tx) => tx.run(insertion('one', 2)))
  t.same(await pool.everyTenant.all(sql`SELECT value FROM one ORDER BY 1`), [{ value: 1 }, { value: 2 }])
  t.same(await kept(), { one: 1 })
})

t.test('what searches in a table is planned each time', options, async (t) => {
  const { pool, write, kept } = await writing(await freshDatabase(t), 'on')
  t.teardown(() => pool.end())
  await pool.everyTenant.run(raw('CREATE TABLE one (value BIGINT)'))
  const from = sql`INSERT INTO one (value) SELECT value FROM one WHERE value > ${1}`
  await write((tx) =>
    tx.together(from, sql`UPDATE one SET value = ${2}`, sql`SELECT value FROM one WHERE value > ${1}`),
  )
  t.same(await kept(), {})
})

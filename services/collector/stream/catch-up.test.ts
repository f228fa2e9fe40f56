import { asTenant } from '#shared/scope.ts'
import t from 'tap'
import { analyzeAll } from '../postgres/analyze.ts'
import { createPartitions, monthOf } from '../postgres/partitions.ts'
import { sql } from '../postgres/sql.ts'
import { freshDatabase, needsPostgres, poolOf } from '../test/postgres.ts'
import { arrivalsAfter } from './postgres.ts'

const TENANT = asTenant('default')
const DAY_MS = 86_400_000
const EACH = 3000

t.test(
  'a reader that catches up is served in the order of an index, over all months',
  await needsPostgres(),
  async (t) => {
    const pool = poolOf(await freshDatabase(t))
    t.teardown(() => pool.end())
    const partitions = createPartitions(pool)
    const times = [62, 31, 0].map((days) => Date.now() - days * DAY_MS)
    await partitions.ensure(times)
    const months = times.map(monthOf)
    for (const [at, time] of times.entries()) {
      await pool.everyTenant.run(
        sql`INSERT INTO reports (seq, id, tenantId, createdAt, updatedAt, severity, quarantined, report)
          SELECT ${at * EACH}::bigint + n, 'report-' || ${time}::bigint || '-' || tenant || n, tenant, ${time}, ${time}, 'warn', 0, '{}'
          FROM generate_series(1, ${EACH}::int) AS n, unnest(ARRAY['default', 'teamA']) AS tenant`,
      )
    }
    const planOf = async (after: number) => {
      const rows = await pool
        .of(TENANT)
        .all<{ 'QUERY PLAN': string }>(sql`EXPLAIN ${arrivalsAfter(TENANT, after, 100)}`)
      return rows.map((row) => row['QUERY PLAN']).join('\n')
    }
    // As every hour: without statistics a month is sorted.
    t.ok((await analyzeAll(pool)) > months.length)
    for (const after of [0, EACH]) {
      const plan = await planOf(after)
      for (const { name } of months) t.match(plan, `Index Scan using ${name}_tenantid_seq_idx`)
      t.notMatch(plan, /-> {2}(?:Sort|Incremental Sort|Seq Scan|Bitmap)/)
    }
  },
)

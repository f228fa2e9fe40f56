import { asTenant } from '#shared/scope.ts'
import t from 'tap'
import type { NewReport } from '../ingest/store.ts'
import { EVERY_TENANT } from '../postgres/pool.ts'
import { sql } from '../postgres/sql.ts'
import { transaction } from '../postgres/transaction.ts'
import { freshDatabase, needsPostgres, poolOf } from '../test/postgres.ts'
import { findingsPart } from './postgres-record.ts'
import { removeFindingsBefore } from './postgres.ts'

const options = await needsPostgres()
const TENANT = asTenant('default')
const FINDINGS = 5000

/** A database with findings f1, f2, ... that were seen last at their number. */
async function withFindings(t: Parameters<typeof freshDatabase>[0], count: number) {
  const pool = poolOf(await freshDatabase(t))
  t.teardown(() => pool.end())
  await pool.everyTenant.run(
    sql`INSERT INTO findings (tenantId, fingerprint, rule, target, message, severity, verdict, state, firstSeen, lastSeen, changedAt,
        count, changes, opened, lastReportId)
      SELECT ${TENANT}, 'f' || n, 'r' || n, '', 'm', 'warn', 'warn', 'new', n, n, n, 1, 0, 1, 'x'
      FROM generate_series(1, ${count}::int) AS n`,
  )
  return pool
}

t.test('what a report says of is looked for by its keys, also while there are no statistics', options, async (t) => {
  const pool = await withFindings(t, FINDINGS)
  const part = findingsPart({ FINDINGS_PER_REPORT_MAX: 1000, FINDINGS_MAX: 100_000, FINDING_FLAKY_CHANGES: 4 } as never)
  const sightings = Array.from({ length: 200 }, (_, n) => ({
    fingerprint: `f${n}`,
    rule: `r${n}`,
    target: '',
    message: 'm',
  }))
  const asked = part.load?.(TENANT, [{ isKnown: false, sightings } as unknown as NewReport]) ?? []
  const found: number[] = []
  for (const [at, key] of [
    [0, /Index Scan using findings_pkey .*\n *Index Cond: \(\(tenantid = 'default'::text\) AND \(fingerprint = /],
    [1, /Index Scan using findings_open .*\n *Index Cond: \(\(tenantid = 'default'::text\) AND \(place = /],
  ] as const) {
    const statement = asked[at] as NonNullable<(typeof asked)[number]>
    found.push((await pool.of(TENANT).all(statement)).length)
    const rows = await pool.of(TENANT).all<{ 'QUERY PLAN': string }>(sql`EXPLAIN ${statement}`)
    t.match(rows.map((row) => row['QUERY PLAN']).join('\n'), key)
  }
  t.same(found, [199, 199])
})

t.test('a finding goes with all that became of it, also what is younger than it', options, async (t) => {
  const pool = await withFindings(t, 2)
  await pool.everyTenant.run(
    sql`INSERT INTO finding_events (tenantId, fingerprint, at, event, verdict, reportId)
      SELECT ${TENANT}, fingerprint, at, 'resolved', 'pass', 'x' FROM unnest(ARRAY['f1', 'f2']) AS fingerprint, unnest(ARRAY[1, 9]) AS at`,
  )
  const before = (cutoff: number) =>
    transaction(pool, EVERY_TENANT, (tx) => removeFindingsBefore(tx, TENANT, cutoff, 10))
  t.equal(await before(2), 2)
  t.same(await pool.everyTenant.all(sql`SELECT fingerprint FROM findings`), [{ fingerprint: 'f2' }])
  t.same(await pool.everyTenant.all(sql`SELECT fingerprint, at FROM finding_events`), [{ fingerprint: 'f2', at: 9 }])
  t.equal(await before(2), 0)
})

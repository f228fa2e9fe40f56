import fc from 'fast-check'
import t from 'tap'
import { judged } from '../test/collector.ts'
import { collector } from '../test/collector.ts'
import { freshDatabase, needsPostgres } from '../test/postgres.ts'

const options = await needsPostgres()
const HOUR_MS = 3_600_000
const RUNS = 15

/** What the counts must be, from the reports themselves. */
const RECOUNT = `SELECT time, severity, sum(n) AS n FROM (
    SELECT createdAt - createdAt % ${HOUR_MS} AS time, coalesce(severity, 'none') AS severity, 1 AS n FROM reports
  ) AS counted GROUP BY time, severity ORDER BY time, severity`
const KEPT = `SELECT time, severity, sum(reports) AS n FROM report_hours GROUP BY time, severity HAVING sum(reports) <> 0
  ORDER BY time, severity`
const RECOUNT_ALL = `SELECT quarantined, coalesce(severity, 'none') AS severity, count(*) AS n FROM reports
  GROUP BY quarantined, coalesce(severity, 'none') ORDER BY 1, 2`
const KEPT_ALL = `SELECT quarantined, severity, sum(reports) AS n FROM report_counts GROUP BY quarantined, severity
  HAVING sum(reports) <> 0 ORDER BY 1, 2`

t.test('counts are those of a recount after any sequence of writes by two replicas', options, async (t) => {
  const env = { COLLECTOR_DATABASE_URL: await freshDatabase(t), INGEST_DEDUPE_HOURS: '0' }
  const both = [await collector(t, env), await collector(t, env)] as const
  const [{ sql }] = both
  const who = fc.integer({ min: 0, max: 1 })
  const severity = fc.constantFrom('info', 'warn', 'block')
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('ingest' as const),
      who,
      severities: fc.array(severity, { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant('misfit' as const), who }),
    fc.record({ kind: fc.constant('old' as const), who, hours: fc.integer({ min: 1, max: 3 }), severity }),
    fc.record({ kind: fc.constant('remove' as const), who, at: fc.nat(20) }),
    fc.record({ kind: fc.constant('replay' as const), who }),
  )
  type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

  async function take(given: Step): Promise<void> {
    const { ask, ingestAt } = both[given.who] as (typeof both)[0]
    if (given.kind === 'ingest') {
      const payload = given.severities.map((one) => judged(one))
      await ask('/ingest/qc/batch', { method: 'POST', payload })
    } else if (given.kind === 'misfit') {
      await ask('/ingest/qc', { method: 'POST', payload: { ...judged('warn'), notes: 'no list' } })
    } else if (given.kind === 'old') {
      await ingestAt(Date.now() - given.hours * HOUR_MS, judged(given.severity))
    } else if (given.kind === 'remove') {
      const ids = await sql<{ id: string }>('SELECT id FROM reports ORDER BY seq')
      const id = ids[given.at]?.id
      if (id !== undefined) t.equal((await ask(`/reports/${id}`, { method: 'DELETE' })).statusCode, 204)
    } else await ask('/reports/replay', { method: 'POST' })
  }

  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 6 }), async (rounds) => {
      for (const round of rounds) await Promise.all(round.filter(({ kind }) => kind !== 'remove').map(take))
      for (const round of rounds) for (const one of round) if (one.kind === 'remove') await take(one)
      t.same(await sql(KEPT), await sql(RECOUNT))
      t.same(await sql(KEPT_ALL), await sql(RECOUNT_ALL))
    }),
    { numRuns: RUNS },
  )
})

import fc from 'fast-check'
import t from 'tap'
import { DEFAULT_TENANT } from '#shared/caller.ts'
import { asTenant } from '#shared/scope.ts'
import { collector, judged } from '../test/collector.ts'
import { HOUR_MS } from '../rollups/tally.ts'
import { fill, rangeOf } from './window.ts'

t.test('each report counts once, in its severity, in its hour', async (t) => {
  const { ask, ingest, ingestAt } = await collector(t)
  await ingest(judged('info', 'block', 'warn'))
  await ingest(judged('warn'))
  await ingest()
  await ingestAt(Date.now() - 23 * HOUR_MS, judged('warn'))
  await ingestAt(Date.now() - 26 * HOUR_MS, judged('block'))
  const { window_h, buckets } = (await ask('/timeline')).json<{ window_h: number; buckets: Record<string, number>[] }>()
  t.equal(window_h, 24)
  t.equal(buckets.length, 25, 'the hour under way and the 24 before it')
  t.ok(buckets.every(({ time = 1 }, n) => time % HOUR_MS === 0 && time === (buckets[0]?.time ?? 0) + n * HOUR_MS))
  const sum = (name: string) => buckets.reduce((total, bucket) => total + (bucket[name] as number), 0)
  t.same([sum('info'), sum('warn'), sum('block')], [1, 2, 1], 'a report without evaluations counts as info')
})

t.test('buckets are hours of UTC, oldest first, with nothing left out', async (t) => {
  const { stores, ingestAt, ask } = await collector(t)
  const now = Date.UTC(2026, 10, 21, 10, 10)
  const at = (ms: number, severity: string) => ingestAt(ms, judged(severity))
  await at(Date.UTC(2026, 10, 21, 9, 59, 59, 999), 'warn')
  await at(Date.UTC(2026, 10, 21, 10), 'block')
  await at(Date.UTC(2026, 10, 21, 7, 59, 59, 999), 'info')
  await at(Date.UTC(2026, 10, 21, 11), 'block')
  const range = rangeOf('1h', 2, now)
  t.same(fill(range, await stores.timeline.totals(DEFAULT_TENANT, range)), [
    { time: Date.UTC(2026, 10, 21, 8), info: 0, warn: 0, block: 0 },
    { time: Date.UTC(2026, 10, 21, 9), info: 0, warn: 1, block: 0 },
    { time: Date.UTC(2026, 10, 21, 10), info: 0, warn: 0, block: 1 },
  ])
  t.match((await ask('/timeline?window_h=8760')).json(), { window_h: 8760 })
})

t.test('a window is 1 to 8760 hours', async (t) => {
  const { ask } = await collector(t)
  for (const window of ['0', '8761', '-1', '1.5', 'day']) {
    t.equal((await ask(`/timeline?window_h=${window}`)).statusCode, 400, window)
  }
})

t.test('after any reports, deletions, retention runs and replays the counts are those of a recount', async (t) => {
  const { database: db, writer, stores, ingestAt, ask } = await collector(t)
  const at = fc.integer({ min: 0, max: 5 * HOUR_MS })
  const tenant = fc.constantFrom('default', 'teamA')
  const came = fc.record({ at, tenant, severity: fc.constantFrom('info', 'warn', 'block', 'other') })
  const replay = fc.record({ replay: tenant })
  /** From then on nothing goes into quarantine, and a replay takes out what is there. */
  const widen = fc.record({ widen: tenant })
  const removal = fc.record({ nth: fc.nat(), tenant })
  const run = fc.record({ before: at, tenant, limit: fc.integer({ min: 1, max: 5 }) })
  const recount = db.prepare(
    `SELECT tenantId, createdAt / ${HOUR_MS} * ${HOUR_MS} AS time, coalesce(severity, 'none') AS severity,
       count(*) AS reports FROM reports GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
  )
  const kept = db.prepare('SELECT * FROM report_hours ORDER BY 1, 2, 3')
  const recountTotals = db.prepare(
    `SELECT tenantId, quarantined, coalesce(severity, 'none') AS severity, count(*) AS reports FROM reports
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
  )
  const totals = db.prepare('SELECT * FROM report_counts WHERE reports <> 0 ORDER BY 1, 2, 3')
  const ids = db.prepare<[string], string>('SELECT id FROM reports WHERE tenantId = ? ORDER BY seq').pluck()
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(came, came, run, replay, widen, removal), { maxLength: 30 }), async (steps) => {
      db.exec('DELETE FROM schemas')
      for (const step of steps) {
        if ('at' in step) await ingestAt(step.at, judged(step.severity), step.tenant)
        else if ('replay' in step) await writer.run('replayReports', asTenant(step.replay), [-1, -1], 1000, Date.now())
        else if ('widen' in step) await writer.run('putSchema', asTenant(step.widen), 'qc-report', true, Date.now())
        else if ('nth' in step) {
          const all = ids.all(step.tenant)
          const id = all[step.nth % all.length]
          if (id !== undefined) await writer.run('removeReport', asTenant(step.tenant), id, undefined)
        } else {
          const tenant = asTenant(step.tenant)
          const old = await stores.retention.old(tenant, step.before, [-1, -1], step.limit, Infinity)
          const expendable = old.map(({ id, updatedAt }) => [id, updatedAt] as const)
          await writer.run('removeUnchanged', tenant, expendable)
        }
      }
      t.same(kept.all(), recount.all())
      t.same(totals.all(), recountTotals.all())
      for (const severity of ['info', 'warn', 'block']) {
        const n = db.prepare("SELECT count(*) FROM reports WHERE tenantId = 'default' AND severity = ?").pluck()
        t.match((await ask(`/reports?severity=${severity}`)).json(), { pagination: { totalCount: n.get(severity) } })
      }
    }),
    { numRuns: 30 },
  )
})

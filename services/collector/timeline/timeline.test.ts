import fc from 'fast-check'
import t from 'tap'
import { DEFAULT_TENANT } from '#shared/caller.ts'
import { asTenant } from '#shared/scope.ts'
import { collector, judged, TEAM_A } from '../test/collector.ts'
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
  const { sql, writer, stores, ingestAt, ask } = await collector(t)
  const begin = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 6 * HOUR_MS
  const at = fc.integer({ min: begin, max: begin + 5 * HOUR_MS })
  const tenant = fc.constantFrom('default', 'teamA')
  const severity = fc.constantFrom('info', 'warn', 'block', 'other')
  const rule = fc.constantFrom('a', '나', 'c'.repeat(1000))
  const judgement = fc.record({ rule, severity, result: fc.constant('x') })
  const evaluations = fc.array(judgement, { maxLength: 3 })
  const came = fc.record({ at, tenant, evaluations, version: fc.constantFrom('v1', 'v2', undefined) })
  const replay = fc.record({ replay: tenant })
  /** From then on nothing goes into quarantine, and a replay takes out what is there. */
  const widen = fc.record({ widen: tenant })
  const removal = fc.record({ nth: fc.nat(), tenant })
  const run = fc.record({ before: at, tenant, limit: fc.integer({ min: 1, max: 5 }) })
  const RECOUNT = `SELECT tenantId AS tenant, createdAt / ${HOUR_MS} * ${HOUR_MS} AS time,
    coalesce(severity, 'none') AS severity, count(*) AS reports FROM reports GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`
  const KEPT = `SELECT tenantId AS tenant, time, severity, sum(reports) AS reports FROM report_hours GROUP BY 1, 2, 3
    HAVING sum(reports) <> 0 ORDER BY 1, 2, 3`
  const RECOUNT_ALL = `SELECT tenantId AS tenant, quarantined, coalesce(severity, 'none') AS severity, count(*) AS reports
    FROM reports GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`
  const KEPT_ALL = `SELECT tenantId AS tenant, quarantined, severity, sum(reports) AS reports FROM report_counts
    GROUP BY 1, 2, 3 HAVING sum(reports) <> 0 ORDER BY 1, 2, 3`

  async function checkSeries(tenantId: string): Promise<void> {
    const rows = await sql<Counting>(
      'SELECT createdAt AS at, severity, policyVersion AS version, report FROM reports WHERE tenantId = ?',
      tenantId,
    )
    for (const size of ['5m', '1h', '1d'] as const) {
      const range = rangeOf(size, 7, begin + 6 * HOUR_MS)
      const owner = asTenant(tenantId)
      t.same(
        sorted(await stores.timeline.totals(owner, range)),
        expectedOf(rows, () => [['', undefined]], range),
      )
      const byRule = expectedOf(rows, rulesOf, range)
      t.same(sorted(await stores.timeline.by(owner, 'rule', range)), byRule)
      t.same(
        sorted(await stores.timeline.named(owner, 'rule', '나', range)),
        byRule.filter((text) => text.includes('나')),
      )
      const byVersion = expectedOf(rows, ({ version }) => (version === null ? [] : [[version, undefined]]), range)
      t.same(sorted(await stores.timeline.by(owner, 'policy_version', range)), byVersion)
    }
  }

  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(came, came, run, replay, widen, removal), { maxLength: 30 }), async (steps) => {
      await sql('DELETE FROM schemas')
      for (const step of steps) {
        if ('at' in step) {
          const policy = { policy_version: step.version, evaluations: step.evaluations }
          await ingestAt(step.at, { status: {}, policy }, step.tenant)
        } else if ('replay' in step)
          await writer.run('replayReports', asTenant(step.replay), [-1, -1], 1000, Date.now())
        else if ('widen' in step)
          await ask('/schemas/qc-report', { method: 'PUT', payload: true, ...asked(step.widen) })
        else if ('nth' in step) {
          const all = await sql<{ id: string }>('SELECT id FROM reports WHERE tenantId = ? ORDER BY seq', step.tenant)
          const id = all[step.nth % all.length]?.id
          if (id !== undefined) await writer.run('removeReport', asTenant(step.tenant), id, undefined)
        } else {
          const tenant = asTenant(step.tenant)
          const old = await stores.retention.old(tenant, step.before, [-1, -1], step.limit, 1e9)
          const expendable = old.map(({ id, updatedAt }) => [id, updatedAt] as const)
          await writer.run('removeUnchanged', tenant, expendable)
        }
      }
      t.same(await sql(KEPT), await sql(RECOUNT))
      t.same(await sql(KEPT_ALL), await sql(RECOUNT_ALL))
      await checkSeries('default')
      await checkSeries('teamA')
      for (const one of ['info', 'warn', 'block']) {
        const [n] = await sql<{ n: number }>(
          "SELECT count(*) AS n FROM reports WHERE tenantId = 'default' AND severity = ?",
          one,
        )
        t.match((await ask(`/reports?severity=${one}`)).json(), { pagination: { totalCount: n?.n } })
      }
    }),
    { numRuns: 20 },
  )
})

interface Counting {
  at: number
  severity: string | null
  version: string | null
  report: string
}

type Named = readonly (readonly [name: string, severity: string | undefined])[]

const RANKS = ['info', 'warn', 'block']

/** Each rule of a report with its worst severity. */
function rulesOf({ report }: Counting): Named {
  const { policy } = JSON.parse(report) as { policy: { evaluations: { rule: string; severity: string }[] } }
  const worst = new Map<string, number>()
  for (const { rule, severity } of policy.evaluations) {
    const rank = RANKS.indexOf(severity)
    if (rank >= 0) worst.set(rule, Math.max(rank, worst.get(rule) ?? 0))
  }
  return [...worst].map(([rule, rank]) => [rule, RANKS[rank]] as const)
}

function expectedOf(rows: readonly Counting[], namesOf: (row: Counting) => Named, { size }: { size: number }) {
  const buckets = new Map<string, { name: string; time: number; info: number; warn: number; block: number }>()
  for (const row of rows) {
    for (const [name, of = row.severity ?? 'info'] of namesOf(row)) {
      const time = Math.floor(row.at / size) * size
      const bucket = buckets.get(`${time} ${name}`) ?? { name, time, info: 0, warn: 0, block: 0 }
      buckets.set(`${time} ${name}`, bucket)
      bucket[of as 'info']++
    }
  }
  return sorted([...buckets.values()])
}

const sorted = (buckets: readonly object[]): string[] =>
  buckets
    .map((bucket) => {
      const { name = '', time, info, warn, block } = bucket as Record<string, unknown>
      return JSON.stringify([time, name, info, warn, block])
    })
    .sort()

const asked = (tenant: string) => ({ headers: tenant === 'teamA' ? TEAM_A : {} })

t.test('buckets are of 5 minutes, an hour or a day, as is asked for or fits', async (t) => {
  const { ask, ingest, ingestAt } = await collector(t)
  await ingest(judged('block'))
  await ingestAt(Date.now() - 90 * 60_000, judged('warn'))
  const get = async (query: string) =>
    (await ask(`/timeline?${query}`)).json<{
      bucket: string
      buckets: { time: number; block: number; warn: number }[]
    }>()
  for (const [query, bucket, count, ms] of [
    ['window_h=1&bucket=auto', '5m', 13, 300_000],
    ['window_h=2&bucket=auto', '5m', 25, 300_000],
    ['window_h=3&bucket=auto', '1h', 4, HOUR_MS],
    ['window_h=168&bucket=auto', '1h', 169, HOUR_MS],
    ['window_h=8760&bucket=auto', '1d', 366, 24 * HOUR_MS],
    ['window_h=48&bucket=5m', '5m', 577, 300_000],
  ] as const) {
    const { bucket: got, buckets } = await get(query)
    t.same([got, buckets.length], [bucket, count], query)
    t.ok(buckets.every(({ time }, n) => time % ms === 0 && time === (buckets[0]?.time ?? 0) + n * ms))
    t.equal(buckets.at(-1)?.block, 1)
    t.equal(
      buckets.reduce((sum, { warn }) => sum + warn, 0),
      query.startsWith('window_h=1&') ? 0 : 1,
      query,
    )
  }
  t.notOk('bucket' in (await get('window_h=24')), 'without it the answer is as ever')
  const late = await ask('/timeline?window_h=49&bucket=5m')
  t.match([late.statusCode, late.json()], [400, { errors: [{ field: 'bucket' }] }])
  for (const bad of ['bucket=2h', 'by=target', 'by=rule&rule=x', 'rule=x&policy_version=y', 'top=0', 'top=101']) {
    t.equal((await ask(`/timeline?${bad}`)).statusCode, 400, bad)
  }
  t.equal((await ask('/timeline?by=rule&window_h=401')).statusCode, 400, 'too many buckets for a series of each')
  t.equal((await ask('/timeline?by=rule&window_h=399')).statusCode, 200)
})

t.test(
  'series are those of the rules of which most was blocked; beyond the limit they are counted in common',
  async (t) => {
    const { ask } = await collector(t, { TIMELINE_NAMES_MAX: '3', INGEST_DEDUPE_HOURS: '0' })
    const send = (rule: string, severity: string, count: number) =>
      ask('/ingest/qc/batch', {
        method: 'POST',
        payload: Array.from({ length: count }, () => ({
          status: {},
          policy: { policy_version: 'v1', evaluations: [{ rule, severity, result: 'x' }] },
        })),
      })
    // More than a block of a thousand reports, so that they are counted in both ways.
    await send('a', 'info', 700)
    await send('b', 'block', 300)
    await send('c', 'warn', 100)
    await send('d', 'block', 50)
    const sum = async () => {
      const { series, other } = (await ask('/timeline?by=rule&top=2')).json<{
        series: { name: string; info: number; warn: number; block: number; buckets: object[] }[]
        other: { info: number; warn: number; block: number }
      }>()
      return [...series, other].reduce((total, { info, warn, block }) => total + info + warn + block, 0)
    }
    t.equal(await sum(), 1150)
    t.match((await ask('/timeline?by=rule&top=2')).json(), { by: 'rule', series: [{ name: 'b', block: 300 }, {}] })
    await send('e', 'warn', 1100)
    t.equal(await sum(), 2250)
    const { other } = (await ask('/timeline?by=rule&top=1&bucket=1d&window_h=24')).json<{
      other: { incomplete: boolean; warn: number }
    }>()
    t.match(other, { incomplete: true })
    t.match((await ask('/timeline?rule=e')).json(), { rule: 'e', incomplete: true })
    t.match((await ask('/timeline?policy_version=v1')).json(), { policy_version: 'v1', incomplete: false })
  },
)

t.test('series by name have TIMELINE_BUCKETS_MAX buckets at most', async (t) => {
  const { ask } = await collector(t, { TIMELINE_BUCKETS_MAX: '25' })
  for (const by of ['rule', 'policy_version']) {
    t.equal((await ask(`/timeline?by=${by}&window_h=24`)).statusCode, 200, 'the hour under way and 24 before it')
    const wide = await ask(`/timeline?by=${by}&window_h=25`)
    t.match([wide.statusCode, wide.json()], [400, { errors: [{ field: 'bucket', message: /25 at most/ }] }])
    t.equal((await ask(`/timeline?by=${by}&window_h=25&bucket=1d`)).statusCode, 200)
  }
  t.equal((await ask('/timeline?rule=r&window_h=25')).statusCode, 200, 'one name has as many as the window')
})

t.test('buckets of 5 minutes are forgotten when nobody can ask for them any more', async (t) => {
  const { ask, ingest, sql, writer } = await collector(t, { INGEST_DEDUPE_HOURS: '0' })
  const payload = Array.from({ length: 1100 }, () => judged('warn'))
  await ask('/ingest/qc/batch', { method: 'POST', payload })
  const fine = async () => {
    const [row] = await sql<{ n: number }>('SELECT count(*) AS n FROM report_series WHERE size = 300000')
    return row?.n ?? 0
  }
  const kept = await fine()
  t.ok(kept >= 2)
  const forget = (hours: number) => writer.run('forgetFineBuckets', Date.now() + hours * HOUR_MS, 1)
  t.equal(await forget(48), 0)
  while ((await forget(50)) === 1);
  t.equal(await fine(), 0)
  await ingest(judged('block'))
  t.match((await ask('/timeline?by=rule&bucket=1h')).json(), { series: [{ name: 'r', warn: 1100, block: 1 }] })
})

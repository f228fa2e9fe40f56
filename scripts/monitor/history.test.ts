import Sqlite from 'better-sqlite3'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { changesOf } from './change.ts'
import { HEALTH_APPLICATION_ID, openHistory } from './history.ts'
import type { Run } from './run.ts'
import { kindOf, summaryOf, usualOf } from './summary.ts'
import { check, loadOf, refused, routeRun, sampleRun, targetRun } from './test/sample-run.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 21)
const down = (at: number) => sampleRun({ targets: [targetRun('diary', 'down', [refused('diary', 'live')])] }, at)
const loaded = (p99: number, at: number): Run => sampleRun({ load: loadOf([routeRun('GET /timeline', p99)]) }, at)

t.test('runs come back newest first, of one kind when it is asked for', async (t) => {
  const history = openHistory(t.testdir({}))
  t.teardown(() => history.close())
  history.keep(sampleRun({}, NOW))
  history.keep(loaded(20, NOW + 1000))
  history.keep(down(NOW + 2000))
  t.same(
    history.latest(10).map(({ at }) => at - NOW),
    [2000, 1000, 0],
  )
  t.match(history.latest(10, 'load 10c 100/s 3s'), [{ grade: 'A+', routes: { 'GET /timeline': { p99: 20 } } }])
  t.match(history.latest(1), [{ verdict: 'down', failed: ['diary live'] }])
})

t.test('failures are kept longer than successes', async (t) => {
  const history = openHistory(t.testdir({}))
  t.teardown(() => history.close())
  for (const days of [31, 29, 8, 6]) {
    history.keep(sampleRun({}, NOW - days * DAY))
    history.keep(down(NOW - days * DAY))
  }
  history.keep(sampleRun({}, NOW))
  t.same(
    history.latest(20).map(({ at, verdict }) => [Math.round((NOW - at) / DAY), verdict]),
    [
      [0, 'healthy'],
      [6, 'down'],
      [6, 'healthy'],
      [8, 'down'],
      [29, 'down'],
    ],
  )
})

t.test('a watch keeps what is new, and the same once a minute', async (t) => {
  const history = openHistory(t.testdir({}))
  t.teardown(() => history.close())
  for (const [seconds, run] of [
    [0, sampleRun({}, NOW)],
    [5, sampleRun({}, NOW + 5000)],
    [10, down(NOW + 10_000)],
    [15, down(NOW + 15_000)],
    [20, sampleRun({}, NOW + 20_000)],
    [85, sampleRun({}, NOW + 85_000)],
  ] as const) {
    history.keepNew(run)
    t.ok(seconds >= 0)
  }
  t.same(
    history.latest(10).map(({ at }) => (at - NOW) / 1000),
    [85, 20, 10, 0],
  )
})

t.test("the file is marked, and another program's or a damaged one is refused by name", async (t) => {
  const folder = t.testdir({})
  openHistory(folder).close()
  const file = path.join(folder, 'health.sqlite')
  const db = new Sqlite(file)
  t.equal(db.pragma('application_id', { simple: true }), HEALTH_APPLICATION_ID)
  t.equal(db.pragma('user_version', { simple: true }), 1)
  db.pragma('application_id = 1')
  db.close()
  t.throws(() => openHistory(folder), /health\.sqlite: belongs to another program/)
  const other = t.testdir({ other: {} })
  writeFileSync(
    path.join(other, 'health.sqlite'),
    'this is text and no database, and long enough to be looked at '.repeat(20),
  )
  t.throws(() => openHistory(other), /is not a SQLite database/)
})

t.test('the first run has nothing to be compared with', async (t) => {
  const history = openHistory(t.testdir({}))
  t.teardown(() => history.close())
  const changes = changesOf(sampleRun({}, NOW), history)
  t.same(Object.keys(changes), ['trend'])
  t.equal(changes.trend.length, 1)
})

t.test('what broke and what works again since the last run is told by name', async (t) => {
  const history = openHistory(t.testdir({}))
  t.teardown(() => history.close())
  history.keep(down(NOW))
  const run = sampleRun(
    { targets: [targetRun('calendar', 'degraded', [check('calendar', 'metrics', { ok: false })])] },
    NOW + 5000,
  )
  t.match(changesOf(run, history).last, {
    against: 'last',
    grade: 'F',
    broken: ['calendar metrics'],
    mended: ['diary live'],
  })
})

t.test('latencies are held against the same load only, and noise is not told', async (t) => {
  const history = openHistory(t.testdir({}))
  t.teardown(() => history.close())
  history.keep(loaded(100, NOW))
  const other = sampleRun({ load: { ...loadOf([routeRun('GET /timeline', 400)]), rate: 500 } }, NOW + 1000)
  t.same(changesOf(other, history).last?.moved, [], 'another rate')
  t.same(changesOf(loaded(110, NOW + 1000), history).last?.moved, [], 'ten percent')
  t.match(changesOf(loaded(200, NOW + 1000), history).last?.moved, [
    { what: 'GET /timeline', measure: 'p50', before: 25, now: 50 },
    { what: 'GET /timeline', measure: 'p99', before: 100, now: 200 },
  ])
})

t.test('the usual is the median of the last runs of the kind', async (t) => {
  const history = openHistory(t.testdir({}))
  t.teardown(() => history.close())
  const figures = [20, 22, 900, 21, 19]
  figures.forEach((p99, index) => history.keep(loaded(p99, NOW + index * 1000)))
  const changes = changesOf(loaded(80, NOW + 9000), history)
  t.match(changes.usual?.moved.at(-1), { measure: 'p99', before: 21, now: 80 })
  t.match(changes.last?.moved.at(-1), { before: 19 })
  t.equal(changes.trend.length, 6)
  t.equal(usualOf([summaryOf(loaded(1, NOW)), summaryOf(loaded(2, NOW))]), undefined, 'two are not usual')
})

t.test('a baseline is kept for its kind and outlives its run', async (t) => {
  const history = openHistory(t.testdir({}))
  t.teardown(() => history.close())
  history.setBaseline(loaded(10, NOW - 100 * DAY))
  t.equal(history.baseline('status'), undefined)
  t.match(changesOf(loaded(50, NOW), history).baseline, { against: 'baseline', moved: [{}, { before: 10, now: 50 }] })
  history.setBaseline(loaded(40, NOW))
  t.equal(history.baseline(kindOf(loaded(1, NOW)))?.routes['GET /timeline']?.p99, 40)
  const file = summaryOf(loaded(5, NOW))
  t.match(changesOf(loaded(50, NOW), history, file).baseline?.moved.at(-1), { before: 5 }, 'a file goes before it')
})

import t from 'tap'
import { collector, judged } from '../test/collector.ts'
import { createTimelineStore, HOUR_MS } from './store.ts'

t.test('each report counts once, in its severity, in its hour', async (t) => {
  const { ask, ingest, age } = await collector(t)
  await ingest(judged('info', 'block', 'warn'))
  await ingest(judged('warn'))
  await ingest()
  age(await ingest(judged('warn')), 23 * HOUR_MS)
  age(await ingest(judged('block')), 26 * HOUR_MS)
  const { window_h, buckets } = (await ask('/timeline')).json<{ window_h: number; buckets: Record<string, number>[] }>()
  t.equal(window_h, 24)
  t.equal(buckets.length, 25, 'the hour under way and the 24 before it')
  t.ok(buckets.every(({ time = 1 }, n) => time % HOUR_MS === 0 && time === (buckets[0]?.time ?? 0) + n * HOUR_MS))
  const sum = (name: string) => buckets.reduce((total, bucket) => total + (bucket[name] as number), 0)
  t.same([sum('info'), sum('warn'), sum('block')], [1, 2, 1], 'a report without evaluations counts as info')
})

t.test('buckets are hours of UTC, oldest first, with nothing left out', async (t) => {
  const { database, ingest, ask } = await collector(t)
  const store = createTimelineStore(database as NonNullable<typeof database>)
  const now = Date.UTC(2026, 10, 21, 10, 10)
  const at = async (ms: number, severity: string) =>
    database?.prepare('UPDATE reports SET createdAt = ? WHERE id = ?').run(ms, await ingest(judged(severity)))
  await at(Date.UTC(2026, 10, 21, 9, 59, 59, 999), 'warn')
  await at(Date.UTC(2026, 10, 21, 10), 'block')
  await at(Date.UTC(2026, 10, 21, 7, 59, 59, 999), 'info')
  await at(Date.UTC(2026, 10, 21, 11), 'block')
  t.same(store.buckets('default', 2, now), [
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

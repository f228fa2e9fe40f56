import t from 'tap'
import { testReporter } from '../test/reporter.ts'
import { batchCollector, linesOf, localServer, singleCollector } from '../test/servers.ts'
import { batches, numberOf, singles } from '../test/sent.ts'

t.test('each verdict of a batch counts for its own report', async (t) => {
  let round = 0
  const server = await localServer(
    t,
    batchCollector(({ n }, index) => {
      if (index === 0) round++
      if (n === 2) return { status: 'rejected', errors: [{ field: 'n', message: 'is bad' }], retryable: false }
      if (n === 3 && round === 1) return { status: 'rejected', retryable: true, errors: [] }
      if (n === 4) return { status: 'quarantined', id: 'q', errors: [{ message: 'does not fit' }] }
      if (n === 5 && round === 1) return undefined
      return { status: n === 6 ? 'duplicate' : 'stored', id: `r${n}` }
    }),
  )
  const { reporter, add, sent, rejected } = testReporter(t, { url: server.url })
  const ids = await add(1, 2, 3, 4, 5, 6)
  const { waiting, trouble } = await reporter.flush()
  t.equal(waiting, 2, 'the one to be sent again, and the one that nothing was said about')
  t.match(trouble, { kind: 'item' })
  t.same(rejected, [{ id: ids[1], errors: [{ field: 'n', message: 'is bad' }] }])
  t.same(await reporter.flush(), { waiting: 0 })
  t.same(batches(server.got), [
    [1, 2, 3, 4, 5, 6],
    [3, 5],
  ])
  t.match(server.got[0]?.headers, { 'content-type': 'application/x-ndjson' })
  t.same(
    sent.map(({ id, status, reportId }) => [ids.indexOf(id) + 1, status, reportId]),
    [
      [1, 'stored', 'r1'],
      [4, 'quarantined', 'q'],
      [6, 'duplicate', 'r6'],
      [3, 'stored', 'r3'],
      [5, 'stored', 'r5'],
    ],
  )
  t.same(sent[1]?.errors, [{ message: 'does not fit' }])
})

t.test('what a batch leaves out for a quota waits for as long as the collector says', async (t) => {
  const items = [
    { index: 0, status: 'stored', id: 'report-1' },
    { index: 1, status: 'rejected', retryable: true, quota: 'reportsPerDay', errors: [{ message: 'used up' }] },
  ]
  const { url, got } = await localServer(t, () => ({
    status: 200,
    body: { items },
    headers: { 'retry-after': '3600' },
  }))
  const { reporter, add } = testReporter(t, { url })
  await add(1, 2)
  const { waiting, trouble, retryInMs = 0 } = await reporter.flush()
  t.match([waiting, trouble], [1, { kind: 'item', message: 'used up', retryAfter: 3_600_000 }])
  t.ok(retryInMs > 3_500_000, `${retryInMs} ms`)
  await reporter.flush()
  t.equal(got.length, 1, 'nor is it asked again before')
})

t.test('a batch has no more reports and bytes than it may', async (t) => {
  const { url, got } = await localServer(
    t,
    batchCollector(() => ({ status: 'stored' })),
  )
  const { reporter, add } = testReporter(t, { url, batch: { maxReports: 3, maxBytes: 50 } })
  await add(1, 2, 3, 4, 5, 6)
  await reporter.flush()
  t.same(
    batches(got),
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    '20 bytes each with its line end',
  )
})

t.test('a collector without batches gets its single reports in order, however many there are', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const { reporter, add } = testReporter(t, { url, batch: { maxReports: 2 } })
  await add(1, 2, 3, 4, 5)
  await reporter.flush()
  t.same([batches(got), singles(got)], [[[1, 2]], [1, 2, 3, 4, 5]])
})

t.test('a batch that is too large is halved until it fits; a report that is too large alone is rejected', async (t) => {
  const { url, got } = await localServer(t, (one, count) => {
    const numbers = one.path.endsWith('/batch') ? linesOf(one).map(({ n }) => n) : [numberOf(one)]
    if (numbers.length > 2 || numbers.includes(6)) return { status: 413, body: { title: 'Too large' } }
    return batchCollector(() => ({ status: 'stored' }))(one, count)
  })
  const { reporter, add, rejected, sent } = testReporter(t, { url })
  const ids = await add(1, 2, 3, 4, 5, 6, 7)
  t.same(await reporter.flush(), { waiting: 0 })
  t.same(rejected, [{ id: ids[5], errors: [{ message: 'Too large (HTTP 413)' }] }])
  t.same(
    sent.map(({ id }) => ids.indexOf(id) + 1),
    [1, 2, 3, 4, 5, 7],
    'in order',
  )
  t.same(batches(got).at(-1), [5, 6], 'and alone when even two are too many')
})

t.test('a place where nothing is yet does not mean that it will never take batches', async (t) => {
  let isUp = false
  const collector = batchCollector(() => ({ status: 'stored' }))
  const { url, got } = await localServer(t, (one, count) => (isUp ? collector(one, count) : { status: 404 }))
  const { reporter, add } = testReporter(t, { url })
  await add(1, 2)
  t.match(await reporter.flush(), { trouble: { kind: 'refused', status: 404 } })
  isUp = true
  t.same(await reporter.flush(), { waiting: 0 })
  t.same(batches(got).at(-1), [1, 2])
})

import t from 'tap'
import { testReporter } from '../test/reporter.ts'
import {
  batchCollector,
  HANG_UP,
  linesOf,
  localServer,
  SAY_NOTHING,
  singleCollector,
  stored,
  type Got,
} from '../test/servers.ts'

const numberOf = ({ body }: Got) => (JSON.parse(body) as { n: number }).n
const singles = (got: Got[]) => got.filter(({ path }) => path === '/ingest/qc').map(numberOf)
const batches = (got: Got[]) =>
  got.filter(({ path }) => path.endsWith('/batch')).map((one) => linesOf(one).map(({ n }) => n))

t.test('a report goes to /ingest/qc with tenant, key and an Idempotency-Key of its own', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const { reporter, add, sent } = testReporter(t, { url: `${url}/` })
  const [id] = await add(1)
  t.same(await reporter.flush(), { waiting: 0 })
  t.match(got, [
    {
      path: '/ingest/qc',
      headers: {
        'x-tenant': 'default',
        'x-api-key': 'collector-key',
        'idempotency-key': id,
        'content-type': 'application/json',
      },
      body: '{"status":{},"n":1}',
    },
  ])
  t.same(sent, [{ id, status: 'stored', errors: [], reportId: 'report-1' }])
})

t.test('a key that begins with njm_ goes alone', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const { reporter, add } = testReporter(t, { url, tenant: undefined, key: async () => 'njm_1_x' })
  await add(1)
  await reporter.flush()
  t.equal(got[0]?.headers['x-api-key'], 'njm_1_x')
  t.notOk('x-tenant' in (got[0]?.headers ?? {}))
})

for (const status of [404, 405, 501]) {
  t.test(`a collector that answers a batch with ${status} is sent single reports from then on`, async (t) => {
    const { url, got } = await localServer(
      t,
      singleCollector(({ path }) => (path.endsWith('/batch') ? { status } : undefined)),
    )
    const { reporter, add, sent } = testReporter(t, { url })
    await add(1, 2, 3)
    t.same(await reporter.flush(), { waiting: 0 })
    await add(4, 5)
    await reporter.flush()
    t.same(singles(got), [1, 2, 3, 4, 5])
    t.equal(batches(got).length, 1, 'it asked once')
    t.equal(sent.length, 5)
  })
}

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

for (const status of [400, 415, 422, 500]) {
  t.test(`a batch that is answered with ${status} as a whole is sent singly: one report spoils no other`, async (t) => {
    const { url, got } = await localServer(
      t,
      singleCollector((one) => {
        if (one.path.endsWith('/batch')) return { status }
        return numberOf(one) === 2 ? { status: 400, body: { detail: 'not this one' } } : undefined
      }),
    )
    const { reporter, add, rejected, sent } = testReporter(t, { url })
    await add(1, 2, 3)
    t.same(await reporter.flush(), { waiting: 0 })
    t.match(rejected, [{ errors: [{ message: 'not this one (HTTP 400)' }] }])
    t.equal(sent.length, 2)
    t.same(singles(got), [1, 2, 3])
  })
}

for (const status of [400, 409, 410, 413, 422, 431]) {
  t.test(`a report that is answered with ${status} is never sent again`, async (t) => {
    const { url, got } = await localServer(t, () => ({ status, body: { title: 'No' } }))
    const { reporter, add, rejected } = testReporter(t, { url })
    await add(1)
    t.same(await reporter.flush(), { waiting: 0 })
    await reporter.flush()
    t.equal(got.length, 1)
    t.equal(rejected.length, 1)
    t.match(reporter.state(), { rejected: 1, sent: 0 })
  })
}

for (const status of [408, 429, 502, 503, 504, 507, 304]) {
  t.test(`a report that is answered with ${status} waits and is sent again, the same to the byte`, async (t) => {
    const { url, got } = await localServer(t, (_, count) => (count === 1 ? { status } : stored()))
    const { reporter, add, sent, troubles } = testReporter(t, { url })
    await add(1)
    const { waiting, trouble, retryInMs } = await reporter.flush()
    t.equal(waiting, 1)
    t.equal(trouble?.status, status)
    t.type(retryInMs, 'number')
    t.same(await reporter.flush(), { waiting: 0 })
    t.equal(sent.length, 1)
    t.equal(troubles.length, 1)
    t.same([got[1]?.body, got[1]?.headers['idempotency-key']], [got[0]?.body, got[0]?.headers['idempotency-key']])
  })
}

t.test('a report at which the service fails does not hold up the others for ever', async (t) => {
  const { url, got } = await localServer(
    t,
    singleCollector((one) => (one.path === '/ingest/qc' && numberOf(one) === 1 ? { status: 500 } : undefined)),
  )
  const { reporter, add } = testReporter(t, { url })
  await add(1, 2, 3)
  t.match(await reporter.flush(), { waiting: 1, trouble: { kind: 'busy', status: 500 } })
  await reporter.flush()
  t.same(singles(got), [1, 2, 3, 1])
})

t.test('a service that fails at every report is asked twice and then left alone', async (t) => {
  const { url, got } = await localServer(t, ({ path }) => ({ status: path.endsWith('/batch') ? 404 : 500 }))
  const { reporter, add } = testReporter(t, { url })
  await add(1, 2, 3, 4)
  t.match(await reporter.flush(), { waiting: 4, trouble: { status: 500 } })
  t.same(singles(got), [1, 2])
})

for (const status of [401, 403, 404, 405]) {
  t.test(`${status} stops sending, without a try of its own accord, and the reports stay`, async (t) => {
    let isRight = false
    const { url, got } = await localServer(
      t,
      singleCollector(() => (isRight ? undefined : { status, body: { error: 'Invalid key' } })),
    )
    const { reporter, add, rejected, troubles } = testReporter(t, { url, isAutomatic: true })
    await add(1)
    const flushed = await reporter.flush()
    t.match(flushed, { waiting: 1, trouble: { kind: 'refused', status, message: 'Invalid key' } })
    t.notOk('retryInMs' in flushed)
    const asked = got.length
    await add(2)
    await new Promise((resolve) => setTimeout(resolve, 60))
    t.equal(got.length, asked)
    t.same(rejected, [])
    t.match(troubles[0], { kind: 'refused' })
    isRight = true
    t.same(await reporter.flush(), { waiting: 0 }, 'until somebody asks for it')
  })
}

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

t.test('what answers 200 and is no collector has stored nothing', async (t) => {
  const { url } = await localServer(t, () => ({ status: 200, body: '<html>Welcome to the hotel</html>' }))
  const { reporter, add, sent } = testReporter(t, { url })
  await add(1)
  t.match(await reporter.flush(), { waiting: 1, trouble: { kind: 'not-a-collector' } })
  await add(2)
  t.match(await reporter.flush(), { waiting: 2, trouble: { kind: 'not-a-collector' } }, 'nor of a batch')
  t.same(sent, [])
})

t.test('a redirect is not followed: whoever it names gets neither report nor key', async (t) => {
  const thief = await localServer(t, () => stored())
  const { url } = await localServer(t, () => ({ status: 307, headers: { location: `${thief.url}/ingest/qc` } }))
  const { reporter, add } = testReporter(t, { url })
  await add(1)
  t.match(await reporter.flush(), { waiting: 1, trouble: { kind: 'unreachable' } })
  t.same(thief.got, [])
})

t.test('no answer, half an answer and no server are all waited out', async (t) => {
  const silent = await localServer(t, () => SAY_NOTHING)
  const slow = testReporter(t, { url: silent.url, timeoutMs: 60 })
  await slow.add(1)
  t.match(await slow.reporter.flush(), {
    waiting: 1,
    trouble: { kind: 'unreachable', message: 'no answer within 60 ms' },
  })
  const rude = await localServer(t, () => HANG_UP)
  const cut = testReporter(t, { url: rude.url })
  await cut.add(1)
  t.match(await cut.reporter.flush(), { waiting: 1, trouble: { kind: 'unreachable' } })
  // The discard port: nothing answers there.
  const nobody = testReporter(t, { url: 'http://127.0.0.1:9' })
  await nobody.add(1)
  const { trouble } = await nobody.reporter.flush()
  t.match(trouble, { kind: 'unreachable', message: /\w/ })
})

t.test('a flush can be aborted; what has no answer goes on waiting', async (t) => {
  let isSilent = true
  const { url } = await localServer(t, () => (isSilent ? SAY_NOTHING : stored()))
  const { reporter, add } = testReporter(t, { url })
  await add(1)
  const stop = new AbortController()
  const flushing = reporter.flush({ signal: stop.signal })
  setTimeout(() => stop.abort(), 30)
  t.match(await flushing, { waiting: 1, trouble: { kind: 'aborted' } })
  t.match(
    await reporter.flush({ signal: stop.signal }),
    { waiting: 1, trouble: { kind: 'aborted' } },
    'before it began',
  )
  isSilent = false
  t.same(await reporter.flush(), { waiting: 0 })
})

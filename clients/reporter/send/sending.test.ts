import t from 'tap'
import { testReporter } from '../test/reporter.ts'
import { HANG_UP, localServer, SAY_NOTHING, singleCollector, stored } from '../test/servers.ts'
import { batches, numberOf, singles } from '../test/sent.ts'

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

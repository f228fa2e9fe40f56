import { gzipSync } from 'node:zlib'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { LINES, batches, dense, report, reports } from './test/batches.ts'

t.test('a batch at its limits is taken, one over them is refused: reports, bytes, bytes of one', async (t) => {
  const { send, total } = await batches(t, {
    INGEST_BATCH_MAX: '3',
    INGEST_BATCH_MAX_BYTES: '4096',
    COLLECTOR_BODY_MAX_BYTES: '1024',
  })
  t.match(await send(JSON.stringify(reports(3))), { status: 200, counts: { stored: 3 } })
  const many = await send(JSON.stringify(reports(5).map((one) => ({ ...one, raw: 1 }))))
  t.match(many, {
    status: 413,
    message: /more than 3 reports/,
    counts: { stored: 3 },
    headers: { connection: 'close' },
  })
  t.equal(await total(), 6, 'those before are stored')

  const padded = (bytes: number) => `[{"status":{"n":${bytes}}}${' '.repeat(bytes - 19 - String(bytes).length)}]`
  t.equal(padded(4096).length, 4096)
  // White space beside a report counts as its own.
  t.match(await send(padded(1024)), { status: 200, counts: { stored: 1 } })
  t.match(await send(`${padded(1024)}${' '.repeat(3072)}`), { status: 200, counts: { duplicate: 1 } })
  t.match(await send(`${padded(1024)}${' '.repeat(3073)}`), { status: 413, message: /more than 4096 bytes/ })
  const frame = JSON.stringify({ status: {}, raw: '' }).length
  const sized = (bytes: number) => JSON.stringify({ status: {}, raw: 'x'.repeat(bytes - frame) })
  const { items } = await send(`[${sized(1024)},${sized(1025)},{"status":{"n":1}}]`)
  t.match(items, [
    { status: 'stored' },
    { status: 'rejected', errors: [{ message: /larger than 1024/ }] },
    { status: 'stored' },
  ])
  const lines = await send(`${sized(1024)}\n${sized(1025)}`, LINES)
  t.match(lines.items, [{ status: 'duplicate' }, { status: 'rejected' }])
})

t.test('a bomb is refused as soon as too much of it came out', async (t) => {
  const { send, total } = await batches(t, { INGEST_BATCH_MAX_BYTES: '1000000' })
  const bomb = gzipSync(Buffer.alloc(200_000_000, 0x20))
  const before = process.memoryUsage.rss()
  const answer = await send(bomb, { 'content-encoding': 'gzip' })
  t.match(answer, { status: 413, message: /more than 1000000 bytes/ })
  t.ok(process.memoryUsage.rss() - before < 100_000_000, 'it was not inflated whole')
  t.equal(await total(), 0)
})

t.test('blank lines are passed over, as many as there may be reports', async (t) => {
  const { send, total } = await batches(t, { INGEST_BATCH_MAX: '3' })
  const one = (n: number) => JSON.stringify(report(n))
  t.match(await send(`\n\n${one(1)}\n \n${one(2)}`, LINES), { status: 200, counts: { stored: 2 } })
  for (const blank of ['\n', '\r\n', ' \n']) {
    const answer = await send(`${one(3)}\n${blank.repeat(4)}${one(4)}`, LINES)
    t.match(answer, { status: 400, message: /more than 3 blank lines \(at byte \d+\)/, items: [{ index: 0 }] })
  }
  t.equal(await total(), 3, 'what came before them is stored, once')
})

t.test('a hundred megabytes of nothing are refused when little of them came out', async (t) => {
  const { send } = await batches(t)
  const coded = { 'content-encoding': 'br' }
  const lines = dense('\n')
  t.match(await send(lines, { ...LINES, ...coded }), { status: 400, message: /more than 10000 blank lines/ })
  const spaces = dense(' ')
  const tooDense = { status: 413, message: /more than 1100 times as large/ }
  t.match(await send(spaces, { ...LINES, ...coded }), tooDense)
  t.match(await send(spaces, coded), tooDense)
  const gzip = gzipSync(Buffer.alloc(10_000_000, ' '), { level: 9 })
  t.match(
    await send(gzip, { ...LINES, 'content-encoding': 'gzip' }),
    { status: 200, items: [] },
    'gzip is never so dense',
  )
})

t.test('a tenant has only so many batches under way; when one ends there is room', async (t) => {
  const { app, send } = await batches(t, { INGEST_BATCHES_TENANT_MAX: '1' })
  const body = new PassThrough()
  body.write(`[${JSON.stringify(report(1))}`)
  const key = { 'x-tenant': 'default', 'x-api-key': 'collector-key', 'content-type': 'application/json' }
  const first = Promise.resolve(app.inject({ method: 'POST', url: '/ingest/qc/batch', headers: key, payload: body }))
  let second = await send('[]')
  for (let n = 0; n < 100 && second.status === 200; n++) second = await send('[]')
  t.match(second, { status: 429, message: /INGEST_BATCHES_TENANT_MAX/, headers: { 'retry-after': '1' } })
  const other = { 'x-tenant': 'teamB', 'x-api-key': 'teamB-key' }
  t.equal((await send('[]', other)).status, 200, "another tenant's")
  body.end(']')
  t.equal((await first).statusCode, 200)
  t.equal((await send('[]')).status, 200)
})

import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import t from 'tap'
import { goneSignal } from './gone.ts'
import { inflated } from './inflate.ts'
import { LINES, batches, dense, report, reports, type Answered } from './test/batches.ts'

t.test('each report of a batch has its verdict, in the order of the batch', async (t) => {
  const { send, ask, total } = await batches(t, { INGEST_CHUNK: '2' })
  const items = [report(1), report(1), { status: { api: 'perhaps' } }, { notes: [] }, 7, report(2)]
  const { status, counts, items: verdicts } = await send(JSON.stringify(items))
  t.equal(status, 200)
  t.same(counts, { stored: 2, duplicate: 1, quarantined: 1, rejected: 2 })
  t.match(verdicts, [
    { index: 0, status: 'stored', id: /^report-/, retryable: false },
    { index: 1, status: 'duplicate', id: verdicts[0]?.id },
    { index: 2, status: 'quarantined', errors: [{ field: 'status.api' }] },
    { index: 3, status: 'rejected', errors: [{ field: 'status' }], retryable: false },
    { index: 4, status: 'rejected', errors: [{ field: '', message: 'must be an object' }] },
    { index: 5, status: 'stored' },
  ])
  t.equal(await total(), 3)
  for (const { id } of verdicts) if (id !== undefined) t.equal((await ask(`/reports/${id}`)).statusCode, 200)
  const metrics = (await ask('/metrics')).body
  t.match(metrics, 'collector_reports_received_total{outcome="rejected"} 2')
  t.match(metrics, 'collector_reports_received_total{outcome="stored"} 2')
})

t.test('a batch is a JSON array or lines, plain or coded', async (t) => {
  const { send, total } = await batches(t)
  const array = (n: number) => Buffer.from(JSON.stringify([report(n), report(n + 1)]))
  const lines = (n: number) => Buffer.from(`\r\n${JSON.stringify(report(n))}\r\n\n${JSON.stringify(report(n + 1))}`)
  const ways: [Buffer, Record<string, string>][] = [
    [array(0), {}],
    [gzipSync(array(10)), { 'content-encoding': 'gzip' }],
    [brotliCompressSync(array(20)), { 'content-encoding': 'br' }],
    [deflateSync(array(30)), { 'content-encoding': 'Deflate' }],
    [lines(40), LINES],
    [gzipSync(lines(50)), { ...LINES, 'content-encoding': 'x-gzip' }],
    [lines(60), { 'content-type': 'application/jsonl; charset=utf-8', 'content-encoding': 'identity' }],
  ]
  for (const [payload, headers] of ways) {
    const { status, counts } = await send(payload, headers)
    t.match([status, counts], [200, { stored: 2 }], JSON.stringify(headers))
  }
  t.equal(await total(), 14)
  t.match(await send('[]'), { status: 200, items: [] })
  t.match(await send('\n', LINES), { status: 200, items: [] })
  const { status, headers } = await send(array(0), { 'content-encoding': 'zstd' })
  t.match([status, headers['accept-encoding']], [415, 'gzip, br, deflate'])
  t.equal((await send(array(0), { 'content-type': 'text/csv' })).status, 415)
})

t.test('what cannot be read on is refused, with the verdicts of what was before it', async (t) => {
  const { send, total } = await batches(t)
  const good = JSON.stringify(report(1))
  const gzip = { 'content-encoding': 'gzip' }
  const end = Buffer.byteLength(good) + 1
  const broken: [string | Buffer, Record<string, string>, RegExp, number][] = [
    [`[${good}`, {}, new RegExp(`ends before the array does \\(at byte ${end}\\)`), 0],
    [`[${good},]`, {}, new RegExp(`comma has no item beside it \\(at byte ${end + 1}\\)`), 1],
    [`[,${good}]`, {}, /comma has no item beside it \(at byte 1\)/, 0],
    [`[${good}] 7`, {}, new RegExp(`follows the array \\(at byte ${end + 2}\\)`), 1],
    [` ${good}`, {}, /not a JSON array \(at byte 1\)/, 0],
    ['', {}, /ends before the array does \(at byte 0\)/, 0],
    ['rubbish', gzip, /cannot be read: .*\(after 0 bytes of the batch\)/, 0],
    [gzipSync(`[${good}]`).subarray(0, 40), gzip, /cannot be read/, 0],
  ]
  for (const [payload, headers, message, items] of broken) {
    const answer = await send(payload, headers)
    t.match([answer.status, answer.message, answer.items.length], [400, message, items], String(payload))
  }
  t.match((await send(`[${good}`)).items, [], 'an item is complete with what follows it')
  t.match((await send(`[${good},`)).items, [{ index: 0, id: String }])
  t.equal(await total(), 1)
  const { items } = await send(`${good}\nrubbish\n{"status":{}}`, LINES)
  t.match(items, [
    { status: 'duplicate' },
    { status: 'rejected', errors: [{ message: /not JSON/ }] },
    { status: 'stored' },
  ])
})

t.test('what is stored of a batch that breaks in the middle is what its refusal says', async (t) => {
  const { send, ask, total } = await batches(t, { INGEST_CHUNK: '1000' })
  const texts = Array.from({ length: 4000 }, (_, n) => JSON.stringify({ ...report(n), raw: Math.random() }))
  const lines = gzipSync(texts.join('\n'))
  const ways: [string | Buffer, Record<string, string>, number][] = [
    [`[${texts.slice(0, 30).join(',')},,${texts[30]}]`, {}, 30],
    [lines.subarray(0, lines.length / 2), { ...LINES, 'content-encoding': 'gzip' }, 1000],
  ]
  let before = 0
  for (const [payload, headers, least] of ways) {
    const { status, items, counts } = await send(payload, headers)
    t.equal(status, 400)
    t.ok(items.length >= least, `${items.length} of ${least}`)
    t.same(
      items.map(({ index }) => index),
      items.map((_, at) => at),
    )
    const { stored = 0, duplicate = 0 } = counts
    t.equal(stored + duplicate, items.length)
    t.equal(await total(), before + stored)
    before += stored
    for (const { id } of [items[0], items.at(-1)].filter((one) => one !== undefined)) {
      t.equal((await ask(`/reports/${id}`)).statusCode, 200)
    }
  }
})

t.test('a verdict says where in a report its fault is', async (t) => {
  const { send, ask } = await batches(t, { JSON_MAX_DEPTH: '4', REPORT_STRING_MAX: '300' })
  const faulty: [string, string, RegExp][] = [
    ['{"status":{},"notes":[1,x]}', '', /^is not JSON: .* \(at position 24\)$/],
    ['{"status":tru}', '', /\(at position 13\)$/],
    ['{"status":', '', /\(at position 10\)$/],
    ['{"status":{} "notes":[]}', '', /^is not JSON: .* at position 13 \(line 1 column 14\)$/],
    ['{"status":{},"raw":[0,{"a":[[]]}]}', 'raw.1.a.0', /^raw\.1\.a\.0 is nested deeper than 4$/],
    [`{"status":{"a":"${'x'.repeat(301)}"}}`, 'status.a', /^status\.a has a text longer than 300 characters$/],
    ['{"status":{},"raw":{"a":["가","\\ud800"]}}', 'raw.a.1', /^raw\.a\.1 has a lone surrogate$/],
    ['{"status":{},"raw":{"b":[1,1e400]}}', 'raw.b.1', /out of range/],
    ['{"status":{},"raw":{"__proto__":1}}', 'raw', /^raw has a key that names a prototype$/],
    [`{"status":{},"raw":{"${'k'.repeat(300)}":["\\ud800"]}}`, `raw.${'k'.repeat(196)}…`, /lone surrogate/],
    ['7', '', /^must be an object$/],
  ]
  const { items } = await send(faulty.map(([text]) => text).join('\n'), LINES)
  for (const [at, [text, field, message]] of faulty.entries()) {
    t.match(items[at], { status: 'rejected', errors: [{ in: 'body', field, message }] }, text)
    const headers = { 'content-type': 'application/json' }
    const alone = await ask('/ingest/qc', { method: 'POST', payload: text, headers })
    t.match([alone.statusCode, alone.json()], [400, { errors: items[at]?.errors }], text)
  }
  const bytes = Buffer.concat([Buffer.from('{"status":{},"notes":["가'), Buffer.from([0xff]), Buffer.from('"]}')])
  t.match((await send(bytes, LINES)).items, [{ errors: [{ message: 'is not valid UTF-8 (at byte 26)' }] }])
})

t.test('nothing is read on for a client that has left', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = request({ port, host: '127.0.0.1', method: 'POST' }).on('error', () => undefined)
  client.end(dense(' '))
  const [body, raw] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  const signal = goneSignal({ raw } as never)
  const read = inflated(body, 'br', { maxBytes: Infinity, ratioMax: Infinity, signal })
  t.notOk((await read.next()).done)
  client.destroy()
  await once(signal, 'abort')
  await t.rejects(
    (async () => {
      for await (const chunk of read) chunk.fill(0)
    })(),
    { message: /the client has left/ },
  )
  t.ok(goneSignal({ raw } as never).aborted, 'also when it had left before')
  await t.rejects(inflated(body, 'br', { maxBytes: 9, ratioMax: 9, signal }).next(), { message: /cannot be read/ })
})

t.test('a retry of a batch stores nothing; under an Idempotency-Key each place has its report', async (t) => {
  const { send, total } = await batches(t)
  const headers = { 'idempotency-key': 'k' }
  const first = await send(JSON.stringify(reports(5)), headers)
  const again = await send(JSON.stringify(reports(5)), headers)
  t.same(
    again.items.map(({ status, id }) => [status, id]),
    first.items.map(({ id }) => ['duplicate', id]),
  )
  t.equal(await total(), 5)
  const other = await send(JSON.stringify([report(0), report(9)]), headers)
  t.match(other.items, [
    { status: 'duplicate' },
    { status: 'rejected', retryable: false, errors: [{ message: /another/ }] },
  ])
  t.equal(await total(), 5)
})

t.test('a batch that the writer cannot take is refused as a whole, or says which reports to send again', async (t) => {
  const { send, ask, total } = await batches(t, { INGEST_CHUNK: '50', WRITE_QUEUE_MAX: '60' })
  const [one, other] = await Promise.all([
    send(JSON.stringify(reports(50))),
    send(JSON.stringify(reports(50).map((r) => ({ ...r, raw: 1 })))),
  ])
  const full = one.status === 503 ? one : other
  t.match([one.status, other.status].sort(), [200, 503])
  t.equal(full.headers['retry-after'], '1')
  t.ok(full.items.length === 50 && full.items.every(({ status, retryable }) => status === 'rejected' && retryable))
  t.equal(await total(), 50)
  t.match((await ask('/ingest/qc', { method: 'POST', payload: { status: {} } })).statusCode, 201, 'and then it goes on')
})

t.test('however the bytes are cut, the reports are the same', async (t) => {
  const { app, total } = await batches(t, { INGEST_DEDUPE_HOURS: '0' })
  const value = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' })
  let stored = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(value, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }),
      fc.boolean(),
      async (raws, cuts, isLines) => {
        const texts = raws.map((raw) => JSON.stringify({ status: {}, raw: [raw, '],[{"\\'] }))
        const bytes = Buffer.from(isLines ? texts.join('\n') : `[${texts.join(' , ')}]`)
        const parts: Buffer[] = []
        for (let at = 0, n = 0; at < bytes.length; n++)
          parts.push(bytes.subarray(at, (at += cuts[n % cuts.length] as number)))
        const answer = await app.inject({
          method: 'POST',
          url: '/ingest/qc/batch',
          headers: {
            'x-tenant': 'default',
            'x-api-key': 'collector-key',
            'content-type': isLines ? LINES['content-type'] : 'application/json',
          },
          payload: Readable.from(parts),
        })
        const { items } = answer.json<Answered>()
        t.equal(answer.statusCode, 200)
        t.equal(items.length, texts.length)
        // JSON that the limits refuse (a lone surrogate) has a verdict, too.
        stored += items.filter(({ status }) => status === 'stored').length
      },
    ),
    { numRuns: 60 },
  )
  t.equal(await total(), stored)
})

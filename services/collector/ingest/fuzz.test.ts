import fc from 'fast-check'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { collector, DEFAULT_KEY } from '../test/collector.ts'

const JSON_TYPE = 'application/json'
const CODERS: Record<string, (bytes: Buffer) => Buffer> = {
  gzip: (bytes) => gzipSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
}

const anyJson = fc.oneof(
  fc.jsonValue({ stringUnit: 'binary' }),
  fc.record({
    status: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue()),
    policy: fc.oneof(fc.jsonValue(), fc.record({ policy_version: fc.jsonValue(), evaluations: fc.jsonValue() })),
    labels: fc.jsonValue(),
    markdown: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
  }),
)
const text = (value: fc.Arbitrary<unknown>) => value.map((one) => JSON.stringify(one))
/** JSON, arrays and lines of it, some of it cut off or with bytes in between, and bytes. */
const body = fc.oneof(
  text(anyJson).map(Buffer.from),
  text(fc.array(anyJson, { maxLength: 5 })).map(Buffer.from),
  fc.array(text(anyJson), { maxLength: 5 }).map((lines) => Buffer.from(lines.join('\n'))),
  fc
    .tuple(text(fc.array(anyJson, { maxLength: 3 })), fc.nat(200), fc.uint8Array({ maxLength: 4 }))
    .map(([whole, at, bytes]) => Buffer.concat([Buffer.from(whole.slice(0, at)), bytes, Buffer.from(whole.slice(at))])),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
)
const sent = fc.record({
  body,
  url: fc.constantFrom('/ingest/qc', '/ingest/qc/batch', '/ingest/qc?schema=qc-report', '/ingest/qc/batch?schema=no'),
  type: fc.constantFrom(JSON_TYPE, 'application/x-ndjson', 'application/json; charset=utf-8', 'text/plain', ''),
  coding: fc.constantFrom('', 'gzip', 'br', 'deflate', 'identity', 'zip'),
  isCoded: fc.boolean(),
  key: fc.option(fc.string({ unit: fc.constantFrom(...'ab1 -"é'), minLength: 0, maxLength: 4 }), { nil: undefined }),
})

t.test('whatever is sent is answered, and never with a fault of the service', async (t) => {
  const { app, ask } = await collector(t, {
    COLLECTOR_BODY_MAX_BYTES: '4096',
    JSON_MAX_DEPTH: '8',
    INGEST_BATCH_MAX: '4',
  })
  const seen = new Set<number>()
  await fc.assert(
    fc.asyncProperty(sent, async ({ body: plain, url, type, coding, isCoded, key }) => {
      const payload = isCoded ? (CODERS[coding]?.(plain) ?? plain) : plain
      const answer = await app.inject({
        method: 'POST',
        url,
        payload,
        headers: {
          ...DEFAULT_KEY,
          ...(type === '' ? {} : { 'content-type': type }),
          ...(coding === '' ? {} : { 'content-encoding': coding }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
      })
      seen.add(answer.statusCode)
      t.ok(answer.statusCode >= 200 && answer.statusCode < 500, `${answer.statusCode} ${answer.body.slice(0, 300)}`)
      t.doesNotThrow(() => answer.json())
    }),
    { numRuns: 400 },
  )
  for (const status of [200, 400, 415]) t.ok(seen.has(status), `${status} is among the answers`)
  t.equal((await ask('/reports')).statusCode, 200, 'and what was stored can be read')
  t.equal((await ask('/findings')).statusCode, 200)
})

t.test('a request without a body is refused as what it is', async (t) => {
  const { app } = await collector(t)
  for (const url of ['/ingest/qc', '/ingest/qc/batch']) {
    for (const type of [undefined, JSON_TYPE, 'application/x-ndjson']) {
      const headers = { ...DEFAULT_KEY, ...(type === undefined ? {} : { 'content-type': type }) }
      const { statusCode } = await app.inject({ method: 'POST', url, headers })
      const isNothing = url.endsWith('batch') && type === 'application/x-ndjson'
      t.ok(isNothing ? statusCode === 200 : [400, 415].includes(statusCode), `${url} ${type}: ${statusCode}`)
    }
  }
})

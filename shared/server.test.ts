import { connect, type AddressInfo } from 'node:net'
import { text as readAll } from 'node:stream/consumers'
import { gunzipSync, gzipSync } from 'node:zlib'
import t from 'tap'
import type { ProblemDocument } from './problem.ts'
import { service } from './test/notes.ts'

t.test('bad input is answered with a problem document that names every field', async (t) => {
  const { app } = await service(t)
  const answer = await app.inject({ method: 'POST', url: '/notes', payload: { stars: -1 } })
  const problem = answer.json<ProblemDocument>()
  t.equal(answer.statusCode, 400)
  t.match(answer.headers['content-type'], 'application/problem+json')
  t.same(problem.errors?.map((error) => error.field).sort(), ['stars', 'text'])
  t.match(problem.message, /text.*required/)
  t.match(problem, { type: 'urn:najimban:problem:invalid-input', status: 400, error: 'The request is not valid' })
})

t.test('the answer to thousands of faults is short', async (t) => {
  const { app } = await service(t)
  const payload = { text: 'a', tags: Array<number>(9000).fill(1) }
  const answer = await app.inject({ method: 'POST', url: '/notes', payload })
  t.equal(answer.statusCode, 400)
  t.equal(answer.json<ProblemDocument>().errors?.length, 100)
  t.ok(answer.rawPayload.length < 30_000)
})

t.test('a body that is not JSON, not UTF-8, too deep, too wide or too large is refused by its status', async (t) => {
  const { app } = await service(t, { JSON_MAX_DEPTH: '4', JSON_MAX_KEYS: '50', BODY_MAX_BYTES: '2000' })
  const post = async (payload: string | Buffer, type = 'application/json') =>
    (await app.inject({ method: 'POST', url: '/notes', payload, headers: { 'content-type': type } })).statusCode
  t.equal(await post('{"text":'), 400)
  t.equal(await post(Buffer.from([0x22, 0xff, 0x22])), 400)
  t.equal(await post('{"text":"\\ud800"}'), 400)
  t.equal(await post('{"text":"a","x":[-1e400]}'), 400, 'it would be stored as null')
  t.equal(await post('{"text":"a","x":[[[1]]]}'), 201, 'depth 4 is the edge')
  t.equal(await post('{"text":"a","x":[[[[1]]]]}'), 400)
  t.equal(await post(JSON.stringify({ text: 'a', x: Array(48).fill(1) })), 201, '50 keys are the edge')
  t.equal(await post(JSON.stringify({ text: 'a', x: Array(49).fill(1) })), 400)
  t.equal(await post(JSON.stringify({ text: 'a'.repeat(2000) })), 413)
  t.equal(await post('text=a', 'application/x-www-form-urlencoded'), 415)
  t.equal(await post('{"text":"a"}', 'application/json; charset=euc-kr'), 415)
  t.equal(await post('{"__proto__":{"a":1},"text":"a"}'), 400)
})

t.test('a large upload over a slow line is not cut while it goes on', async (t) => {
  const { app } = await service(t)
  const seconds = 50_000_000 / (120_000 / 8)
  t.ok(app.server.requestTimeout >= seconds * 1000, '50 MB at 120 kbit/s')
  t.ok(app.server.headersTimeout <= 10_000, 'while headers have to come at once')
})

t.test('an internal error shows no cause', async (t) => {
  const { app } = await service(t)
  const answer = await app.inject('/boom')
  t.equal(answer.statusCode, 500)
  t.notMatch(answer.body, 'secret cause')
})

t.test('an unknown path is a 404 that says what was asked', async (t) => {
  const { app } = await service(t)
  const answer = await app.inject('/nope?x=1')
  t.match(answer.json(), { status: 404, error: 'Not Found', message: 'Cannot GET /nope?x=1' })
})

t.test('a write that fails in a group leaves nothing and does not take its neighbours along', async (t) => {
  const { app } = await service(t)
  const texts = ['one', 'bad', 'two', 'bad', 'three']
  const answers = await Promise.all(
    texts.map((text) => app.inject({ method: 'POST', url: '/notes', payload: { text } })),
  )
  t.same(
    answers.map((answer) => answer.statusCode),
    [201, 500, 201, 500, 201],
  )
  t.same((await app.inject('/notes')).json(), [{ text: 'one' }, { text: 'two' }, { text: 'three' }])
})

t.test('an Idempotency-Key makes a retry answer the same and write once, also at the same time', async (t) => {
  const { app } = await service(t)
  const post = (text: string, key: string, user = 'a') =>
    app.inject({
      method: 'POST',
      url: '/notes',
      payload: { text },
      headers: { 'idempotency-key': key, 'x-user-id': user },
    })
  const [first, second] = await Promise.all([post('한글', 'k1'), post('한글', 'k1')])
  t.equal(first?.statusCode, 201)
  t.equal(second?.body, first?.body)
  t.equal(second?.headers['idempotency-replayed'], 'true')
  t.equal((await post('other', 'k1')).statusCode, 422)
  t.equal((await post('other', 'k1', 'b')).statusCode, 201, 'keys belong to their owner')
  t.equal((await post('a', 'x'.repeat(255))).statusCode, 201)
  t.equal((await post('a', 'x'.repeat(256))).statusCode, 400)
  const notes = await app.inject({ url: '/notes', headers: { 'x-user-id': 'a' } })
  t.same(notes.json(), [{ text: '한글' }, { text: 'a' }])
})

t.test('a client that has the current representation gets 304, weak and listed tags count', async (t) => {
  const { app } = await service(t)
  const etag = (await app.inject('/notes')).headers.etag as string
  t.match(etag, /^"[\w-]{27}"$/)
  for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*', etag.replace(/"$/, '-gzip"')]) {
    const again = await app.inject({ url: '/notes', headers: { 'if-none-match': tag } })
    t.equal(again.statusCode, 304, tag)
    t.equal(again.body, '')
    t.equal(again.headers.etag, etag)
  }
  await app.inject({ method: 'POST', url: '/notes', payload: { text: 'new' } })
  t.equal((await app.inject({ url: '/notes', headers: { 'if-none-match': etag } })).statusCode, 200)
})

t.test('If-Match compares strongly and knows the tags of compressed answers', async (t) => {
  const { app } = await service(t)
  const put = async (tag: string) =>
    (await app.inject({ method: 'PUT', url: '/big', headers: { 'if-match': tag } })).statusCode
  t.equal(await put('"current"'), 200)
  t.equal(await put('"current-br"'), 200)
  t.equal(await put('*'), 200)
  t.equal(await put('W/"current"'), 412)
  t.equal(await put('"other"'), 412)
})

t.test('text over 1 KB is compressed for those who ask and has an ETag of its own', async (t) => {
  const { app } = await service(t)
  const plain = await app.inject('/big')
  const small = await app.inject({ url: '/notes', headers: { 'accept-encoding': 'gzip' } })
  const zipped = await app.inject({ url: '/big', headers: { 'accept-encoding': 'gzip' } })
  t.equal(plain.headers['content-encoding'], undefined)
  t.equal(small.headers['content-encoding'], undefined)
  t.equal(zipped.headers['content-encoding'], 'gzip')
  t.match(zipped.headers.vary, /accept-encoding/i)
  t.equal(zipped.headers.etag, String(plain.headers.etag).replace(/"$/, '-gzip"'))
  t.equal(gunzipSync(zipped.rawPayload).toString(), plain.body)
})

t.test('a body with a content coding is refused at once and never inflated', async (t) => {
  const { app } = await service(t)
  const post = (coding: string, payload: Buffer) => {
    const headers = { 'content-type': 'application/json', 'content-encoding': coding }
    return app.inject({ method: 'POST', url: '/notes', headers, payload })
  }
  const note = Buffer.from('{"text":"hello"}')
  for (const coding of ['gzip', 'br', 'deflate', 'zstd', 'GZIP', 'identity, gzip', 'x']) {
    const answer = await post(coding, gzipSync(note))
    t.equal(answer.statusCode, 415, coding)
    t.equal(answer.headers['accept-encoding'], 'identity', 'which says what would be taken')
  }
  t.equal((await post('identity', note)).statusCode, 201)
})

t.test('a short and harmless request id is kept, another is replaced', async (t) => {
  const { app } = await service(t)
  const idOf = async (id: string) =>
    (await app.inject({ url: '/nope', headers: { 'x-request-id': id } })).headers['x-request-id']
  t.equal(await idOf('abc-123_X'), 'abc-123_X')
  t.match(await idOf('a b'), /^[\da-f-]{36}$/)
  t.match(await idOf('x'.repeat(65)), /^[\da-f-]{36}$/)
})

t.test('the OpenAPI document is made from the Joi schemas', async (t) => {
  const { app } = await service(t)
  const document = (await app.inject('/openapi.json')).json()
  t.equal(document.openapi, '3.1.0')
  t.match(document.paths['/notes'].post.requestBody.content['application/json'].schema, {
    properties: { text: { type: 'string', maxLength: 20 } },
    required: ['text'],
  })
})

t.test('readiness fails while draining', async (t) => {
  const { app, health } = await service(t)
  t.equal((await app.inject('/health/ready')).statusCode, 200)
  health.setDraining()
  const answer = await app.inject('/health/ready')
  t.equal(answer.statusCode, 503)
  t.match(answer.json(), { status: 'not-ready', reason: 'draining' })
  t.equal(answer.headers.connection, 'close')
})

t.test('an address that is not encoded is told apart from other unreadable requests', async (t) => {
  const { app } = await service(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const answerTo = (text: string) => readAll(connect(port, '127.0.0.1').end(text))
  t.match(await answerTo('GET /notes?text=가 HTTP/1.1\r\nhost: localhost\r\n\r\n'), /400 .*must be percent-encoded/s)
  const other = await answerTo('not HTTP at all\r\n\r\n')
  t.match(other, /400 .*ambiguous or unsafe/s)
  t.notMatch(other, /percent/)
})

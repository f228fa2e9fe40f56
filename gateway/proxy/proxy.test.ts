import http from 'node:http'
import { once } from 'node:events'
import t from 'tap'
import { call, eventually, httpOrigin, rawClient, rig, scripted } from './test/rig.ts'
import type { Transport } from './test/rig.ts'

for (const transport of ['tcp', 'unix'] satisfies Transport[]) {
  t.test(`over ${transport}`, async (t) => {
    t.test(
      'method, path, query, allowed fields and body reach the upstream; its answer reaches the client',
      async (t) => {
        const origin = await httpOrigin(
          t,
          (request, response) => {
            let body = ''
            request.on('data', (chunk: Buffer) => (body += chunk.toString()))
            request.on('end', () => {
              response.writeHead(201, { 'content-type': 'text/plain', server: 'secret', 'x-of-origin': '1' })
              response.end(JSON.stringify([request.method, request.url, request.rawHeaders, body]))
            })
          },
          transport,
        )
        const { port, outcomes } = await rig(t, origin.address, { own: ['x-request-id', 'r1'] })
        const headers = { 'X-Kept': 'yes', 'X-Other': 'no', host: 'front.example' }
        const reply = await call(port, '/a/b?c=d', { method: 'PUT', headers, body: '한글' })
        t.equal(reply.status, 201)
        t.strictSame(JSON.parse(reply.text), [
          'PUT',
          '/a/b?c=d',
          ['x-kept', 'yes', 'host', 'front.example', 'content-length', '6'],
          '한글',
        ])
        t.equal(reply.headers['x-of-origin'], '1')
        t.equal(reply.headers['x-request-id'], 'r1')
        t.equal(reply.headers.server, undefined)
        await eventually(() => outcomes.length === 1)
        t.match(outcomes[0], { status: 201, bytes: reply.body.length, upstreamMs: Number, aborted: false })
      },
    )

    t.test('one connection serves many requests one after the other', async (t) => {
      const origin = await httpOrigin(t, (_request, response) => response.end('ok'), transport)
      const { port, proxy } = await rig(t, origin.address)
      const agent = new http.Agent({ keepAlive: true })
      t.teardown(() => agent.destroy())
      for (let i = 0; i < 20; i++) t.equal((await call(port, '/', { agent })).text, 'ok')
      t.equal(origin.sockets.length, 1)
      t.match(proxy.state(), { connections: 1, idle: 1, queued: 0, retries: 0, breaker: 'closed' })
    })

    t.test('concurrent requests get their own answers, over no more connections than allowed', async (t) => {
      const origin = await httpOrigin(
        t,
        (request, response) => setTimeout(() => response.end(request.url), Math.random() * 5),
        transport,
      )
      const { port, proxy } = await rig(t, origin.address, { limits: { maxConnections: 4 } })
      const targets = Array.from({ length: 100 }, (_, i) => `/${i}`)
      const texts = await Promise.all(targets.map(async (target) => (await call(port, target)).text))
      t.strictSame(texts, targets)
      t.equal(origin.sockets.length, 4)
      t.equal(proxy.state().connections, 4)
    })
  })
}

t.test('HTTP/1.0 and Connection: close clients get their whole answer and then the end', async (t) => {
  const origin = await httpOrigin(t, (_request, response) => {
    response.setHeader('trailer', 'x-sum')
    response.setHeader('keep-alive', 'timeout=99')
    response.write('one ')
    setTimeout(() => {
      response.addTrailers({ 'x-sum': '1' })
      response.end('two')
    }, 10)
  })
  const { port } = await rig(t, origin.address)
  const old = await rawClient(t, port, 'GET / HTTP/1.0\r\n\r\n').closed()
  t.match(old, /^HTTP\/1\.1 200 OK\r\n/)
  t.notMatch(old, /transfer-encoding|x-sum|timeout=99/i)
  t.ok(old.endsWith('\r\n\r\none two'))
  const closing = await rawClient(t, port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').closed()
  t.match(closing, /\r\nconnection: close\r\n/i)
  t.match(closing, /two\r\n0\r\nx-sum: 1\r\n\r\n$/)
})

t.test('trailers pass in both directions, those that could mislead do not', async (t) => {
  const origin = await httpOrigin(t, (request, response) => {
    request.resume()
    request.on('end', () => {
      response.writeHead(200, { trailer: 'X-Sum' })
      response.write('body')
      setTimeout(() => {
        response.addTrailers({
          'X-Sum': JSON.stringify([request.headers.trailer, request.trailers]),
          Location: '/evil',
        })
        response.end()
      }, 10)
    })
  })
  const { port } = await rig(t, origin.address)
  const client = rawClient(
    t,
    port,
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\nConnection: close\r\n\r\n' +
      '3\r\nabc\r\n0\r\nX-T: yes\r\nX-Najimban-User: root\r\nX_Y: 1\r\n\r\n',
  )
  const seen = await client.closed()
  t.match(seen, /\r\ntrailer: X-Sum\r\n/i)
  t.match(seen, /0\r\nx-sum: \["X-T",\{"x-t":"yes"\}\]\r\n\r\n$/)
})

t.test('pipelined requests are answered in order', async (t) => {
  const origin = await httpOrigin(t, (request, response) => {
    setTimeout(() => response.end(`<${request.url}>`), request.url === '/1' ? 50 : 0)
  })
  const { port } = await rig(t, origin.address)
  const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`
  const targets = Array.from({ length: 30 }, (_, i) => `/${i + 1}`)
  const client = rawClient(t, port, targets.map(get).join(''))
  const seen = await client.until('</30>')
  t.strictSame(
    seen.match(/<[^>]+>/g),
    targets.map((target) => `<${target}>`),
  )
})

t.test("the gateway's own fields win, Vary is merged, and one that cannot be written is a 502", async (t) => {
  const origin = await scripted(
    t,
    'HTTP/1.1 200 OK\r\nVary: Accept\r\nVary: Cookie\r\nX-Request-Id: theirs\r\nContent-Length: 2\r\n\r\nok',
  )
  const first = await rig(t, origin.address, { own: { 'X-Request-Id': 'ours', Vary: 'Origin' } })
  for (let i = 0; i < 2; i++) {
    const { headers } = await call(first.port)
    t.equal(headers.vary, 'Origin, Accept, Cookie')
    t.equal(headers['x-request-id'], 'ours')
  }
  const second = await rig(t, origin.address, { own: ['x-bad', 'a\r\nb'] })
  t.equal((await call(second.port)).status, 502)
  t.strictSame(second.failures, [{ kind: 'bad-response' }])
})

t.test('an upgrade is not offered to the upstream, and refused when it comes anyway', async (t) => {
  const origin = await scripted(
    t,
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
  )
  const { port, failures } = await rig(t, origin.address)
  const client = rawClient(t, port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
  t.match(await client.until('}'), /^HTTP\/1\.1 502 /)
  t.strictSame(failures, [{ kind: 'bad-response' }])
})

t.test('a Host is sent even when the list has none, and a value that would split the head is refused', async (t) => {
  const origin = await httpOrigin(t, (request, response) => response.end(request.headers.host))
  const { proxy, port } = await rig(t, origin.address, { allowed: [] })
  t.equal((await call(port)).text, 'origin')
  const server = http.createServer((request, response) => {
    const exchange = { request, response, path: '/', requestHeaders: ['x-a', 'a\r\nb'], responseHeaders: [], fail() {} }
    t.throws(() => proxy.handle(exchange), /x-a/)
    t.throws(() => proxy.handle({ ...exchange, requestHeaders: ['x-a', '\u010a'] }), /x-a/)
    t.throws(() => proxy.handle({ ...exchange, requestHeaders: [], path: '/ HTTP/1.1\r\nx:' }), /path/)
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }
  await call(address.port)
  server.close()
  server.closeAllConnections()
})

t.test('close finishes what is in flight, refuses what is new and leaves no connection', async (t) => {
  let release = (): void => undefined
  const origin = await httpOrigin(t, (request, response) => {
    if (request.url === '/slow') release = () => response.end('done')
    else response.end('ok')
  })
  const { port, proxy, failures } = await rig(t, origin.address)
  await Promise.all([call(port), call(port)])
  const slow = call(port, '/slow')
  await eventually(() => proxy.state().connections > proxy.state().idle)
  let closed = false
  const closing = proxy.close().then(() => (closed = true))
  t.equal(proxy.state().idle, 0)
  t.equal((await call(port)).status, 503)
  t.strictSame(failures, [{ kind: 'refused', retryAfter: 1 }])
  t.equal(closed, false)
  release()
  t.equal((await slow).text, 'done')
  await closing
  await eventually(() => origin.sockets.every((socket) => socket.destroyed))
})

t.test('idle connections are closed before the upstream would', async (t) => {
  const origin = await httpOrigin(t, (_request, response) => response.end('ok'))
  const { port, proxy } = await rig(t, origin.address, { limits: { keepAliveTimeout: 60 } })
  await call(port)
  t.equal(proxy.state().idle, 1)
  await eventually(() => proxy.state().connections === 0)
  t.equal((await call(port)).text, 'ok')
})

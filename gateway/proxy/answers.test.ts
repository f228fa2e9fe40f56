import fc from 'fast-check'
import t from 'tap'
import { call, eventually, netOrigin, rig, scripted } from './test/rig.ts'

t.test('answers of every framing and status arrive as they are', async (t) => {
  const wires: Array<[name: string, wire: string, status: number, body: string]> = [
    ['length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 200, 'hello'],
    ['empty', 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', 404, ''],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n', 200, 'hello'],
    ['no content', 'HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
    ['no content with a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', 204, ''],
    ['not modified', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 5\r\n\r\n', 304, ''],
    [
      'hints first',
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      200,
      'ok',
    ],
    ['an odd status', 'HTTP/1.1 299 Strange\r\nContent-Length: 2\r\n\r\nok', 299, 'ok'],
    ['a server error', 'HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno', 500, 'no'],
  ]
  for (const [name, wire, status, body] of wires) {
    const origin = await scripted(t, wire)
    const { port, proxy } = await rig(t, origin.address)
    for (let i = 0; i < 2; i++) {
      const reply = await call(port)
      t.equal(reply.status, status, name)
      t.equal(reply.text, body, name)
    }
    t.equal(origin.sockets.length, 1, `${name}: the connection is used again`)
    t.equal(proxy.state().consecutiveFailures, 0, 'no answer of an upstream counts against it')
  }
})

t.test('an answer that comes one byte at a time is the same', async (t) => {
  const wire = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: "x"\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'
  const origin = await netOrigin(
    t,
    (socket) => {
      socket.setNoDelay(true)
      socket.on('data', () => {
        let sent = 0
        const timer = setInterval(() => {
          socket.write(wire[sent++] as string)
          if (sent === wire.length) clearInterval(timer)
        }, 1)
        socket.on('close', () => clearInterval(timer))
      })
    },
    'tcp',
  )
  const { port } = await rig(t, origin.address)
  const reply = await call(port)
  t.equal(reply.text, 'hello')
  t.equal(reply.headers.etag, '"x"')
})

t.test('an answer that comes in arbitrary parts is the same', async (t) => {
  const wire =
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\nETag: "x"\r\n' +
    'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nX-Sum: 5\r\n\r\n'
  let cuts: number[] = []
  const origin = await netOrigin(t, (socket) => {
    socket.on('data', () => {
      let rest = wire
      const plan = [...cuts]
      const next = (): void => {
        const part = rest.slice(0, plan.shift() ?? rest.length)
        rest = rest.slice(part.length)
        socket.write(part)
        if (rest !== '') setImmediate(next)
      }
      next()
    })
  })
  const { port, proxy } = await rig(t, origin.address)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 12 }), async (plan) => {
      cuts = plan
      const { status, headers, trailers, text } = await call(port)
      t.strictSame(
        [status, headers.etag, headers['set-cookie'], trailers, text],
        [206, '"x"', ['a=1', 'b=2'], { 'x-sum': '5' }, 'hello'],
      )
    }),
    { numRuns: 60 },
  )
  t.equal(proxy.state().connections, 1)
})

t.test('an answer until the end of the connection is passed on, and the connection is not used again', async (t) => {
  const origin = await scripted(t, 'HTTP/1.0 200 OK\r\nX-A: 1\r\n\r\nuntil the end', { end: true })
  const { port, proxy } = await rig(t, origin.address)
  t.equal((await call(port)).text, 'until the end')
  t.equal((await call(port)).text, 'until the end')
  t.equal(origin.sockets.length, 2)
  await eventually(() => proxy.state().connections === 0)
})

t.test('an upstream that closes after its answer is not asked on that connection again', async (t) => {
  const origin = await scripted(t, 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok')
  const { port } = await rig(t, origin.address)
  for (let i = 0; i < 3; i++) t.equal((await call(port)).text, 'ok')
  t.equal(origin.sockets.length, 3)
})

t.test('bytes after an answer end the connection and reach nobody', async (t) => {
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
  const origin = await scripted(t, `${ok}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`)
  const { port } = await rig(t, origin.address)
  for (let i = 0; i < 3; i++) t.equal((await call(port)).text, 'ok')
  t.equal(origin.sockets.length, 3)
  t.test('also when they come later', async (t) => {
    const late = await netOrigin(t, (socket) => {
      socket.once('data', () => {
        socket.write(ok)
        setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'), 20)
      })
    })
    const { port, proxy } = await rig(t, late.address, { limits: { keepAliveTimeout: 60_000 } })
    t.equal((await call(port)).text, 'ok')
    await eventually(() => proxy.state().connections === 0)
    t.equal((await call(port)).text, 'ok')
  })
})

t.test('HEAD: the fields of the answer, no body, connection kept', async (t) => {
  for (const [framing, length] of [
    ['Content-Length: 500', '500'],
    ['Transfer-Encoding: chunked\r\nTrailer: X-Sum', undefined],
  ]) {
    const origin = await scripted(t, `HTTP/1.1 200 OK\r\n${framing}\r\nETag: "a"\r\n\r\n`)
    const { port } = await rig(t, origin.address)
    for (let i = 0; i < 2; i++) {
      const reply = await call(port, '/', { method: 'HEAD' })
      t.equal(reply.headers['content-length'], length)
      t.equal(reply.headers.etag, '"a"')
    }
    t.equal(origin.sockets.length, 1)
  }
})

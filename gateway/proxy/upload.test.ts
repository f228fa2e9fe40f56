import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { call, eventually, httpOrigin, netOrigin, rawClient, rig, unusedAddress } from './test/rig.ts'
import type { Transport } from './test/rig.ts'

const MEGABYTE = 1024 * 1024
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

for (const transport of ['tcp', 'unix'] satisfies Transport[]) {
  t.test(`50 MB go up and come back unchanged over ${transport}, without being held`, async (t) => {
    const origin = await httpOrigin(t, (request, response) => request.pipe(response), transport)
    const { port } = await rig(t, origin.address)
    const block = randomBytes(MEGABYTE)
    const sent = createHash('sha256')
    const back = createHash('sha256')
    const before = process.memoryUsage().rss
    let peak = 0
    await new Promise<void>((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port, method: 'POST' }, (response) => {
        response.on('data', (chunk: Buffer) => {
          back.update(chunk)
          peak = Math.max(peak, process.memoryUsage().rss)
        })
        response.on('end', resolve).on('error', reject)
      })
      request.on('error', reject)
      let left = 50
      const more = (): void => {
        while (left > 0) {
          left--
          sent.update(block)
          if (!request.write(block)) return
        }
        request.end()
      }
      request.on('drain', more)
      more()
    })
    t.equal(back.digest('hex'), sent.digest('hex'))
    // client, gateway and origin are all in this process
    t.ok(peak - before < 120 * MEGABYTE, `grew by ${Math.round((peak - before) / MEGABYTE)} MB`)
  })
}

t.test('a body with a length is passed on with it, one in chunks in chunks', async (t) => {
  const origin = await httpOrigin(t, (request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      response.end(JSON.stringify([request.headers['content-length'], request.headers['transfer-encoding'], body]))
    })
  })
  const { port } = await rig(t, origin.address)
  const ask = async (head: string, ...parts: string[]): Promise<unknown> => {
    const client = rawClient(t, port, `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${head}\r\n\r\n`)
    for (const part of parts) {
      await sleep(5)
      client.socket.write(part)
    }
    const seen = await client.closed()
    return JSON.parse(seen.slice(seen.indexOf('\r\n\r\n') + 4))
  }
  t.strictSame(await ask('Content-Length: 6', 'abc', 'def'), ['6', null, 'abcdef'])
  t.strictSame(await ask('Content-Length: 0'), ['0', null, ''])
  t.strictSame(await ask('Transfer-Encoding: chunked', '3\r\nabc\r\n', '3;x\r\ndef\r\n0\r\n\r\n'), [
    null,
    'chunked',
    'abcdef',
  ])
  t.strictSame(await ask('Transfer-Encoding: chunked', '0\r\n\r\n'), [null, 'chunked', ''])
  t.strictSame(await ask('X-None: 1'), [null, null, ''])
})

t.test('a small request with a body goes upstream in one piece', async (t) => {
  const chunks: string[] = []
  const origin = await netOrigin(t, (socket) => {
    socket.on('data', (chunk) => {
      chunks.push(chunk.toString())
      socket.write(OK)
    })
  })
  const { port } = await rig(t, origin.address)
  const client = rawClient(t, port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody')
  await client.until('ok')
  t.equal(chunks.length, 1)
  t.ok(chunks[0]?.endsWith('\r\n\r\nbody'))
})

t.test('an upstream that reads slowly slows the client down', async (t) => {
  let resume = (): void => undefined
  let received = 0
  const origin = await netOrigin(t, (socket) => {
    socket.once('data', () => {
      socket.pause()
      resume = () => socket.resume()
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length
        if (received >= 20 * MEGABYTE - 65_536) socket.write(OK)
      })
    })
  })
  const { port } = await rig(t, origin.address)
  const client = rawClient(t, port, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${20 * MEGABYTE}\r\n\r\n`)
  client.socket.write(Buffer.alloc(20 * MEGABYTE))
  await sleep(300)
  t.ok(client.socket.writableLength > 5 * MEGABYTE, 'most of it is still with the client')
  resume()
  await client.until('ok')
})

t.test('Expect: 100-continue', async (t) => {
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n'

  t.test('the body is asked for once a connection is there, and Expect stays here', async (t) => {
    let seen = ''
    const origin = await httpOrigin(t, (request, response) => {
      seen = JSON.stringify(request.rawHeaders)
      request.resume().on('end', () => response.end('thanks'))
    })
    const { port } = await rig(t, origin.address)
    const client = rawClient(t, port, head)
    t.equal(await client.until('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n')
    client.socket.write('body')
    t.match(await client.until('thanks'), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
    t.notMatch(seen, /expect/i)
  })

  t.test('a refused upload is never sent', async (t) => {
    const { port } = await rig(t, await unusedAddress(t, 'unix'), { limits: { restartWait: 60 } })
    const seen = await rawClient(t, port, head).closed()
    t.match(seen, /^HTTP\/1\.1 503 /)
    t.match(seen, /\r\nconnection: close\r\n/i)
    t.notMatch(seen, /100 Continue/)
  })
})

t.test('an answer before the body was read reaches the client, whose rest is read and dropped', async (t) => {
  t.test('the upstream leaves the connection open', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => {
      response.writeHead(413, { 'content-length': 8 })
      response.end('too much')
    })
    const { port, outcomes } = await rig(t, origin.address)
    const client = rawClient(t, port, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${20 * MEGABYTE}\r\n\r\n`)
    // reads nothing before all is sent
    client.socket.pause()
    await new Promise((resolve) => client.socket.write(Buffer.alloc(20 * MEGABYTE), resolve))
    client.socket.resume()
    const seen = await client.closed()
    t.match(seen, /^HTTP\/1\.1 413 /)
    t.match(seen, /\r\nconnection: close\r\n/i)
    t.ok(seen.endsWith('\r\n\r\ntoo much'))
    await eventually(() => outcomes.length === 1)
    t.match(outcomes[0], { status: 413, bytes: 8, aborted: false })
  })

  for (const transport of ['tcp', 'unix'] satisfies Transport[]) {
    t.test(`the upstream closes with bytes unread, over ${transport}, again and again`, async (t) => {
      const origin = await netOrigin(
        t,
        (socket) => {
          socket.once('data', () => {
            socket.pause()
            socket.end('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 8\r\n\r\ntoo much', () =>
              socket.destroy(),
            )
          })
        },
        transport,
      )
      const { port } = await rig(t, origin.address)
      for (let i = 0; i < 30; i++) {
        const client = rawClient(t, port, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${4 * MEGABYTE}\r\n\r\n`)
        client.socket.write(Buffer.alloc(4 * MEGABYTE))
        t.match(await client.until('too much'), /^HTTP\/1\.1 413 [^]*too much$/)
        client.socket.destroy()
      }
    })
  }

  t.test('a client that never stops is cut', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.writeHead(413).end('too much'))
    const { port } = await rig(t, origin.address, { limits: { lingerBytes: MEGABYTE } })
    const client = rawClient(t, port, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536), Buffer.from('\r\n')])
    const flood = (): void => {
      while (!client.socket.destroyed && client.socket.write(chunk));
    }
    client.socket.on('drain', flood)
    flood()
    t.match(await client.closed(), /^HTTP\/1\.1 413 /)
  })

  t.test('a client that stops sending gets the end of a chunked answer', async (t) => {
    const origin = await netOrigin(t, (socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 413 Too Large\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmuch\r\n')
        setTimeout(() => socket.write('0\r\n\r\n'), 20)
      })
    })
    const { port } = await rig(t, origin.address, { limits: { lingerTime: 100 } })
    const client = rawClient(t, port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\npart')
    t.match(await client.closed(), /^HTTP\/1\.1 413 [^]*much\r\n0\r\n\r\n$/)
  })
})

t.test('a success that begins before the body is read does not end the upload', async (t) => {
  const origin = await netOrigin(t, (socket) => {
    let body = ''
    socket.once('data', (head: Buffer) => {
      body = head.toString().split('\r\n\r\n')[1] as string
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n')
      socket.on('data', (chunk: Buffer) => {
        body += chunk.toString()
        if (body.length === 8) socket.write(`8\r\n${body}\r\n0\r\n\r\n`)
      })
    })
  })
  const { port, proxy } = await rig(t, origin.address)
  const client = rawClient(t, port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nabcd')
  await client.until('first')
  client.socket.write('efgh')
  await client.until('abcdefgh\r\n0\r\n\r\n')
  await eventually(() => proxy.state().idle === 1)
})

t.test('a success that ends before the body does leaves the rest to be dropped', async (t) => {
  const origin = await netOrigin(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n')
      setTimeout(() => socket.write('0\r\n\r\n'), 30)
    })
  })
  const { port } = await rig(t, origin.address)
  const client = rawClient(t, port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nabcd')
  await client.until('0\r\n\r\n')
  client.socket.write('efghGET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.until(/0\r\n\r\n[^]*0\r\n\r\n/)
  t.equal(origin.sockets.length, 2)
})

t.test('an upload that fails halfway is answered, though the client sends on', async (t) => {
  const origin = await netOrigin(t, (socket) => socket.once('data', () => socket.destroy()))
  const { port, failures } = await rig(t, origin.address)
  const body = Buffer.alloc(5 * MEGABYTE)
  const reply = await call(port, '/', { method: 'POST', body })
  t.equal(reply.status, 502)
  t.strictSame(failures, [{ kind: 'reset' }])
})

t.test('a client that stops sending is answered 408', async (t) => {
  const origin = await httpOrigin(t, (request, response) => {
    request.on('error', () => undefined)
    request.resume().on('end', () => response.end())
  })
  const { port, failures, proxy } = await rig(t, origin.address, { limits: { bodyIdleTimeout: 80 } })
  const client = rawClient(t, port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nabcd')
  t.match(await client.closed(), /^HTTP\/1\.1 408 /)
  t.strictSame(failures, [{ kind: 'request-body-timeout' }])
  t.equal(proxy.state().consecutiveFailures, 0, 'which is no fault of the upstream')
})

t.test('a client that sends too slowly is answered 408, though it never stops', async (t) => {
  const origin = await httpOrigin(t, (request, response) => {
    request.resume().on('end', () => response.end())
    request.on('error', () => undefined)
  })
  const { port, failures } = await rig(t, origin.address, { limits: { minBodyRate: 10_000, bodyRateGrace: 100 } })
  const client = rawClient(t, port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 80000\r\n\r\n')
  const drip = setInterval(() => client.socket.write('x'), 5)
  t.teardown(() => clearInterval(drip))
  t.match(await client.closed(), /^HTTP\/1\.1 408 [^]*\r\nconnection: close\r\n/i)
  t.strictSame(failures, [{ kind: 'request-body-timeout' }])
  await eventually(() => origin.sockets.every((socket) => socket.destroyed))
})

t.test('an upstream that takes nothing of a body is timed out, not the client', async (t) => {
  const origin = await netOrigin(t, (socket) => socket.pause())
  const { port, failures } = await rig(t, origin.address, { limits: { bodyIdleTimeout: 150 } })
  const client = rawClient(t, port, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${30 * MEGABYTE}\r\n\r\n`)
  client.socket.write(Buffer.alloc(30 * MEGABYTE))
  t.match(await client.until('}'), /^HTTP\/1\.1 504 /)
  t.strictSame(failures, [{ kind: 'headers-timeout' }])
})

import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { call, eventually, httpOrigin, netOrigin, rawClient, rig, scripted, unusedAddress } from './test/rig.ts'
import type { Transport } from './test/rig.ts'

t.test('an upstream that hangs is a 504, and its connection is given up', async (t) => {
  const origin = await netOrigin(t, (socket) => socket.resume())
  const { port, failures, outcomes, proxy } = await rig(t, origin.address, { limits: { headersTimeout: 80 } })
  t.equal((await call(port)).status, 504)
  t.strictSame(failures, [{ kind: 'headers-timeout' }])
  await eventually(() => outcomes.length === 1 && (origin.sockets[0]?.destroyed ?? false))
  t.match(outcomes[0], { status: 504, aborted: false })
  await eventually(() => proxy.state().connections === 0)
})

t.test('an upstream that dribbles its head for ever is a 504 too', async (t) => {
  const origin = await netOrigin(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    const timer = setInterval(() => socket.write('X: y\r\n'), 10)
    socket.on('close', () => clearInterval(timer))
    socket.resume()
  })
  const { port } = await rig(t, origin.address, { limits: { headersTimeout: 100 } })
  t.equal((await call(port, '/', { method: 'POST' })).status, 504)
})

t.test('garbage is a 502 and is never retried', async (t) => {
  for (const wire of [
    'hello\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    '\0\0\0\r\n\r\n',
  ]) {
    const origin = await scripted(t, wire)
    const { port, failures } = await rig(t, origin.address)
    t.equal((await call(port)).status, 502)
    t.strictSame(failures, [{ kind: 'bad-response' }])
    t.equal(origin.sockets.length, 1)
  }
})

t.test('an answer that ends too soon cuts the client off', async (t) => {
  const halves = [
    'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
  ]
  for (const half of halves) {
    const origin = await scripted(t, half, { end: true })
    const { port, outcomes, failures } = await rig(t, origin.address)
    await t.rejects(call(port), half)
    const raw = await rawClient(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n').closed()
    t.notMatch(raw, /0\r\n\r\n$/)
    await eventually(() => outcomes.length === 2)
    t.match(outcomes[0], { aborted: true })
    t.strictSame(failures, [])
  }
})

t.test('a fault in the body cuts the client off, or is a 502 when nothing has been passed on', async (t) => {
  const half = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'
  const late = await netOrigin(t, (socket) => {
    socket.once('data', () => {
      socket.write(half)
      setTimeout(() => socket.write('nonsense'), 30)
    })
  })
  const first = await rig(t, late.address)
  const seen = await rawClient(t, first.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n').closed()
  t.match(seen, /^HTTP\/1\.1 200 OK[^]*half\r\n$/)
  const atOnce = await rig(t, (await scripted(t, `${half}nonsense`)).address)
  t.equal((await call(atOnce.port)).status, 502)
})

t.test('an answer that stalls cuts the client off', async (t) => {
  const origin = await scripted(t, 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
  const { port, proxy } = await rig(t, origin.address, { limits: { bodyIdleTimeout: 80 } })
  await t.rejects(call(port))
  t.equal(proxy.state().consecutiveFailures, 1)
})

t.test('an upstream without the patience of TCP: a connection that never comes up is a 504', async (t) => {
  // A full backlog on Linux drops further attempts without a word.
  const worker = new Worker(
    `const server = require('node:net').createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
       require('node:worker_threads').parentPort.postMessage(server.address().port)
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
     })`,
    { eval: true },
  )
  t.teardown(() => worker.terminate())
  const [stuck] = (await once(worker, 'message')) as [number]
  let taken = 0
  const fillers = Array.from({ length: 8 }, () =>
    net.connect(stuck, '127.0.0.1', () => taken++).on('error', () => undefined),
  )
  t.teardown(() => fillers.forEach((socket) => socket.destroy()))
  await eventually(() => taken >= 2)
  const { port, failures, proxy } = await rig(
    t,
    { host: '127.0.0.1', port: stuck },
    { limits: { connectTimeout: 100 } },
  )
  const replies = await Promise.all([call(port), call(port, '/', { method: 'POST', body: 'x' })])
  t.strictSame(
    replies.map((reply) => reply.status),
    [504, 504],
  )
  t.strictSame(failures, [{ kind: 'connect-timeout' }, { kind: 'connect-timeout' }])
  await eventually(() => proxy.state().connections === 0)
})

for (const transport of ['tcp', 'unix'] satisfies Transport[]) {
  t.test(`an upstream that restarts, over ${transport}`, async (t) => {
    t.test('requests of any method wait for it, with their bodies', async (t) => {
      const address = await unusedAddress(t, transport)
      const { port, proxy, failures } = await rig(t, address, { limits: { restartWait: 20_000 } })
      const calls = [
        call(port),
        call(port, '/', { method: 'POST', body: 'posted' }),
        call(port, '/', { method: 'DELETE' }),
      ]
      await eventually(() => proxy.state().queued === 3)
      await httpOrigin(t, (request, response) => request.pipe(response), address)
      const replies = await Promise.all(calls)
      t.strictSame(
        replies.map((reply) => reply.text),
        ['', 'posted', ''],
      )
      t.strictSame(failures, [])
      t.match(proxy.state(), { retries: 0, consecutiveFailures: 0 })
    })

    t.test('they are refused when it does not come back', async (t) => {
      const { port, failures, proxy } = await rig(t, await unusedAddress(t, transport), {
        limits: { restartWait: 120 },
      })
      const replies = await Promise.all([call(port), call(port, '/', { method: 'POST', body: 'x' })])
      t.strictSame(
        replies.map((reply) => reply.status),
        [503, 503],
      )
      t.strictSame(failures, [
        { kind: 'refused', retryAfter: 1 },
        { kind: 'refused', retryAfter: 1 },
      ])
      t.match(proxy.state(), { queued: 0, consecutiveFailures: 2 })
      await eventually(() => proxy.state().connections === 0)
    })

    t.test('no GET fails while it goes down and comes back', async (t) => {
      const listener: Parameters<typeof httpOrigin>[1] = (_request, response) => setTimeout(() => response.end('ok'), 2)
      const first = await httpOrigin(t, listener, transport)
      const { port, outcomes } = await rig(t, first.address)
      let running = true
      const clients = Array.from({ length: 10 }, async () => {
        const statuses: number[] = []
        while (running) statuses.push((await call(port)).status)
        return statuses
      })
      await eventually(() => outcomes.length > 50)
      await first.stop()
      await sleep(200)
      await httpOrigin(t, listener, first.address)
      const before = outcomes.length
      await eventually(() => outcomes.length > before + 50)
      running = false
      const statuses = (await Promise.all(clients)).flat()
      t.equal(statuses.filter((status) => status !== 200).length, 0, `of ${statuses.length}`)
    })
  })
}

import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { call, eventually, httpOrigin, netOrigin, rawClient, rig, scripted, unusedAddress, OK } from './test/rig.ts'

t.test('retries', async (t) => {
  /** Answers once on each connection and resets it at the next request. */
  const onceOnly = (t: Parameters<typeof netOrigin>[0]): ReturnType<typeof netOrigin> =>
    netOrigin(
      t,
      (socket) => {
        socket.once('data', () => {
          socket.write(OK)
          socket.once('data', () => socket.resetAndDestroy())
        })
      },
      'tcp',
    )

  t.test('a request on a connection that turns out to be dead is sent again once', async (t) => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
      const origin = await onceOnly(t)
      const { port, proxy } = await rig(t, origin.address)
      t.equal((await call(port)).status, 200)
      t.equal((await call(port, '/', { method })).status, 200, method)
      t.equal(origin.sockets.length, 2)
      t.match(proxy.state(), { retries: 1, consecutiveFailures: 0 })
    }
  })

  t.test('on a fresh connection, because the idle ones may be dead as well', async (t) => {
    const origin = await onceOnly(t)
    const { port, failures } = await rig(t, origin.address, { limits: { maxConnections: 3 } })
    await Promise.all([call(port), call(port), call(port)])
    t.equal((await call(port)).status, 200)
    t.strictSame(failures, [])
  })

  t.test('never one with another method, or with a body', async (t) => {
    for (const [method, body] of [['POST'], ['PATCH'], ['PROPFIND'], ['PUT', 'body'], ['DELETE', 'body']] as const) {
      const origin = await onceOnly(t)
      const { port, proxy } = await rig(t, origin.address)
      await call(port)
      t.equal(
        (await call(port, '/', { method, body, headers: { 'content-length': body?.length ?? 0 } })).status,
        502,
        method,
      )
      t.equal(origin.sockets.length, 1)
      t.equal(proxy.state().retries, 0)
    }
  })

  t.test('not more than once', async (t) => {
    const origin = await netOrigin(t, (socket) => socket.once('data', () => socket.resetAndDestroy()), 'tcp')
    const { port, failures } = await rig(t, origin.address)
    t.equal((await call(port)).status, 502)
    t.equal(origin.sockets.length, 2)
    t.strictSame(failures, [{ kind: 'reset' }])
  })

  t.test('not after the first byte of the answer', async (t) => {
    const origin = await netOrigin(t, (socket) => socket.once('data', () => socket.end('H')))
    const { port } = await rig(t, origin.address)
    t.equal((await call(port)).status, 502)
    t.equal(origin.sockets.length, 1)
  })

  t.test('not beyond the budget', async (t) => {
    const origin = await netOrigin(t, (socket) => socket.once('data', () => socket.destroy()))
    const limits = { breakerThreshold: 1_000, retryBudgetRatio: 0.1 }
    const { port, proxy } = await rig(t, origin.address, { limits })
    for (let i = 0; i < 60; i++) await call(port)
    t.ok(proxy.state().retries >= 10 && proxy.state().retries <= 20, `${proxy.state().retries} of 60`)
  })
})

t.test('waiting requests', async (t) => {
  t.test('whose clients leave are forgotten', async (t) => {
    const { port, proxy, outcomes } = await rig(t, await unusedAddress(t, 'unix'), { limits: { restartWait: 20_000 } })
    const client = rawClient(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => proxy.state().queued === 1)
    client.socket.destroy()
    await eventually(() => proxy.state().queued === 0 && outcomes.length === 1)
    t.match(outcomes[0], { status: 499, bytes: 0, aborted: true })
    t.equal(proxy.state().consecutiveFailures, 0)
  })

  t.test('behind an unfinished one on the same connection too', async (t) => {
    const origin = await netOrigin(t, (socket) => socket.resume())
    const { port, proxy, outcomes } = await rig(t, origin.address, { limits: { maxConnections: 1 } })
    const client = rawClient(t, port, 'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => proxy.state().queued === 1)
    client.socket.destroy()
    await eventually(() => outcomes.length === 2 && proxy.state().connections === 0)
  })

  t.test('that are too many are refused at once', async (t) => {
    const origin = await netOrigin(t, (socket) => socket.resume())
    const { port, proxy, failures } = await rig(t, origin.address, { limits: { maxConnections: 1, maxQueue: 2 } })
    const clients = Array.from({ length: 3 }, () => rawClient(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
    await eventually(() => proxy.state().queued === 2)
    t.equal((await call(port)).status, 503)
    t.strictSame(failures, [{ kind: 'overloaded', retryAfter: 1 }])
    t.equal(proxy.state().consecutiveFailures, 0)
    for (const client of clients) client.socket.destroy()
  })

  t.test('that never get a connection are refused in the end', async (t) => {
    const origin = await scripted(t, 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
    const { port, failures } = await rig(t, origin.address, { limits: { maxConnections: 1, headersTimeout: 80 } })
    const stream = rawClient(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await stream.until('data: 1')
    t.equal((await call(port)).status, 503)
    t.strictSame(failures, [{ kind: 'overloaded', retryAfter: 1 }])
  })
})

t.test('the circuit breaker', async (t) => {
  t.test('opens after failures in a row, lets one probe through, closes when it succeeds', async (t) => {
    let healthy = false
    let asked = 0
    let answer = (): void => undefined
    const origin = await netOrigin(t, (socket) => {
      socket.on('data', () => {
        asked++
        if (healthy) answer = () => socket.write(OK)
        else socket.write('nonsense\r\n\r\n')
      })
    })
    const limits = { breakerThreshold: 3, breakerCooldown: 500 }
    const { port, proxy, failures, states } = await rig(t, origin.address, { limits })
    for (let i = 0; i < 3; i++) t.equal((await call(port)).status, 502)
    t.match(proxy.state(), { breaker: 'open', consecutiveFailures: 3 })
    t.equal((await call(port)).status, 503)
    t.strictSame(failures.at(-1), { kind: 'breaker-open', retryAfter: 1 })
    t.equal(asked, 3, 'the upstream is left alone')

    await sleep(520)
    t.equal((await call(port)).status, 502, 'the probe')
    t.equal(proxy.state().breaker, 'open')

    healthy = true
    await sleep(520)
    const probe = call(port)
    await eventually(() => asked === 5)
    t.equal((await call(port)).status, 503, 'only one probe at a time')
    answer()
    t.equal((await probe).status, 200)
    t.match(proxy.state(), { breaker: 'closed', consecutiveFailures: 0 })
    t.strictSame(states, ['open', 'half-open', 'open', 'half-open', 'closed'])
  })

  t.test('a probe whose client leaves leaves its place to another', async (t) => {
    let mode: 'fail' | 'hang' | 'ok' = 'fail'
    const origin = await netOrigin(t, (socket) => {
      socket.on('data', () => {
        if (mode === 'fail') socket.destroy()
        else if (mode === 'ok') socket.write(OK)
      })
    })
    const limits = { breakerThreshold: 1, breakerCooldown: 60 }
    const { port, proxy } = await rig(t, origin.address, { limits })
    t.equal((await call(port, '/', { method: 'POST' })).status, 502)
    await sleep(70)
    mode = 'hang'
    const probe = rawClient(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => proxy.state().breaker === 'half-open' && proxy.state().connections === 1)
    probe.socket.destroy()
    await eventually(() => proxy.state().connections === 0)
    mode = 'ok'
    t.equal((await call(port)).status, 200)
    t.equal(proxy.state().breaker, 'closed')
  })

  t.test('a stream of events counts when it begins, not when it breaks', async (t) => {
    const events = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'
    let healthy = false
    const origin = await netOrigin(t, (socket) => {
      socket.on('data', () => {
        if (healthy) socket.write(`${events}Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n`)
        else socket.write('nonsense\r\n\r\n')
      })
    })
    const { port, proxy } = await rig(t, origin.address, { limits: { breakerThreshold: 2, breakerCooldown: 60 } })
    for (let i = 0; i < 2; i++) await call(port)
    t.equal(proxy.state().breaker, 'open')
    healthy = true
    await sleep(70)
    const streams = [rawClient(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')]
    await streams[0]?.until('data: 1')
    t.equal(proxy.state().breaker, 'closed', 'though the probe goes on')
    for (let i = 0; i < 4; i++) streams.push(rawClient(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
    await Promise.all(streams.map((stream) => stream.until('data: 1')))
    for (const socket of origin.sockets) socket.destroy()
    await Promise.all(streams.map((stream) => stream.closed()))
    t.match(proxy.state(), { breaker: 'closed', consecutiveFailures: 0 })
  })

  t.test('answers of the upstream, whatever their status, and clients that leave do not count', async (t) => {
    const origin = await httpOrigin(t, (request, response) => {
      if (request.url !== '/hang') response.writeHead(Number(request.url?.slice(1))).end()
    })
    const { port, proxy, outcomes, handled } = await rig(t, origin.address, { limits: { breakerThreshold: 2 } })
    for (const status of [500, 503, 404, 429, 502]) t.equal((await call(port, `/${status}`)).status, status)
    for (let i = 0; i < 4; i++) {
      const client = rawClient(t, port, 'GET /hang HTTP/1.1\r\nHost: a\r\n\r\n')
      await eventually(() => handled() === 6 + i)
      client.socket.destroy()
      await eventually(() => outcomes.length === 6 + i)
    }
    t.match(proxy.state(), { breaker: 'closed', consecutiveFailures: 0 })
  })
})

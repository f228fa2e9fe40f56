import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { call, eventually, netOrigin, rawClient, rig } from './test/rig.ts'

/** A small generator of its own, so that a failing run can be run again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

t.test('whatever clients and upstream do, each exchange ends once and nothing is left over', async (t) => {
  const random = randomFrom(20_261_121)
  const body = (size: number): string => 'x'.repeat(size)
  const origin = await netOrigin(t, (socket) => {
    socket.on('data', (data: Buffer) => {
      if (!/^(?:GET|POST) /.test(data.toString('latin1'))) return
      const size = random(2) === 0 ? random(100) : random(200_000)
      const acts = [
        () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${body(size)}`),
        () => socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`),
        () => setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), random(20)),
        () => socket.end(`HTTP/1.1 200 OK\r\n\r\n${body(size)}`),
        () => socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig'),
        () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size + 10}\r\n\r\n${body(size)}`),
        () => socket.destroy(),
        () => socket.write('HTTP/1.1 2'),
        () => socket.write('garbage\r\n\r\n'),
        () => undefined,
      ]
      acts[random(acts.length)]?.()
    })
  })
  const limits = {
    headersTimeout: 100,
    bodyIdleTimeout: 100,
    maxConnections: 8,
    maxQueue: 20,
    breakerThreshold: 20,
    breakerCooldown: 50,
    lingerTime: 100,
  }
  const { port, proxy, outcomes, failures, handled } = await rig(t, origin.address, { limits })
  const client = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      const kind = random(5)
      if (kind < 2) await call(port, '/').catch(() => undefined)
      else if (kind === 2) await call(port, '/', { method: 'POST', body: body(random(300_000)) }).catch(() => undefined)
      else {
        const left =
          kind === 3
            ? 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
            : 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\npart'
        const { socket } = rawClient(t, port, left)
        await sleep(random(30))
        socket.destroy()
      }
    }
  }
  await Promise.all(Array.from({ length: 16 }, client))
  await eventually(() => outcomes.length === handled())
  const { connections, idle, queued } = proxy.state()
  t.equal(queued, 0)
  t.ok(connections - idle <= limits.maxConnections)
  t.ok(outcomes.some(({ status, aborted }) => status === 200 && !aborted))
  t.ok(outcomes.some(({ aborted }) => aborted))
  const answered = outcomes.filter(({ status }) => status === 502 || status === 503 || status === 504)
  t.ok(answered.length <= failures.length, 'only failures are answered by the gateway')
  await eventually(() => proxy.state().connections === proxy.state().idle)
  await proxy.close()
  await eventually(() => origin.sockets.every((socket) => socket.destroyed))
  t.equal(outcomes.length, handled())
})

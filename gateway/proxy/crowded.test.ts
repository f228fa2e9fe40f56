import http from 'node:http'
import net from 'node:net'
import t, { type Test } from 'tap'
import { call, rig } from './test/rig.ts'

const BIG = Buffer.alloc(32 * 1024 * 1024)

/** An origin with a large file at /big that also takes bodies. */
async function origin(t: Test) {
  const server = http.createServer((request, response) => {
    if (request.url === '/big') response.end(BIG)
    else request.resume().on('end', () => response.end('done'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close() && server.closeAllConnections())
  return { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port }
}

const LIMITS = { maxConnections: 2, clientStallTimeout: 60_000, crowdedStallTimeout: 300, crowdedBodyRate: 50_000 }

/** Clients that send this and then neither read nor write; answers what tells whether they are still connected. */
function idlers(t: Test, port: number, count: number, text: string) {
  const sockets = Array.from({ length: count }, () => {
    const socket = net.connect(port, '127.0.0.1').on('error', () => undefined)
    socket.pause().write(text)
    t.teardown(() => socket.destroy())
    return socket
  })
  return sockets
}

t.test('clients that take nothing of their answers give way when others wait for a connection', async (t) => {
  const { port } = await rig(t, await origin(t), { limits: LIMITS })
  idlers(t, port, 2, 'GET /big HTTP/1.1\r\nHost: a\r\n\r\n')
  await new Promise((resolve) => setTimeout(resolve, 200))
  t.equal((await call(port, '/small')).status, 200)
})

t.test('clients that send nothing of their bodies give way when others wait for a connection', async (t) => {
  const { port } = await rig(t, await origin(t), { limits: LIMITS })
  idlers(t, port, 2, 'POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx')
  await new Promise((resolve) => setTimeout(resolve, 200))
  t.equal((await call(port, '/small')).status, 200)
})

t.test('a slow client is left alone while there is room', async (t) => {
  const { port, proxy } = await rig(t, await origin(t), { limits: LIMITS })
  idlers(t, port, 1, 'GET /big HTTP/1.1\r\nHost: a\r\n\r\n')
  for (let i = 0; i < 8; i++) {
    t.equal((await call(port, '/small')).status, 200)
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
  t.equal(proxy.state().connections, 2, 'its connection is still there')
})

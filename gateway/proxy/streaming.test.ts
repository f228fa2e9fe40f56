import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { call, eventually, httpOrigin, netOrigin, rawClient, rig } from './test/rig.ts'

const MEGABYTE = 1024 * 1024
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

t.test('server-sent events pass at once and are not cut by silence', async (t) => {
  let send = (_text: string): void => undefined
  const origin = await httpOrigin(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    response.flushHeaders()
    send = (text) => response.write(text)
  })
  const { port } = await rig(t, origin.address, { limits: { bodyIdleTimeout: 40 } })
  const client = rawClient(t, port, GET)
  t.match(await client.until('\r\n\r\n'), /^HTTP\/1\.1 200 OK\r\n/, 'the head comes before any event')
  for (let i = 0; i < 3; i++) {
    await sleep(120)
    send(`data: ${i}\n\n`)
    await client.until(`data: ${i}`)
  }
  t.notMatch(client.seen(), /\r\n0\r\n/)
})

t.test('the head of any answer and each part of it pass when they come', async (t) => {
  let socket: net.Socket | undefined
  const origin = await netOrigin(t, (accepted) => {
    socket = accepted
    accepted.once('data', () => accepted.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n'))
  })
  const { port } = await rig(t, origin.address)
  const client = rawClient(t, port, GET)
  await client.until('\r\n\r\n')
  socket?.write('abc')
  await client.until(/\r\n\r\nabc$/)
  socket?.write('def')
  await client.until(/\r\n\r\nabcdef$/)
})

t.test('a client that leaves aborts the request upstream', async (t) => {
  const stages: Record<string, string> = {
    'before the head': '',
    'in the middle of the answer': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf',
    'in the middle of events': 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: half\n\n',
  }
  for (const [stage, wire] of Object.entries(stages)) {
    let asked = false
    const origin = await netOrigin(t, (socket) => {
      socket.on('data', () => {
        asked = true
        socket.write(wire)
      })
    })
    const { port, outcomes, proxy } = await rig(t, origin.address)
    const client = rawClient(t, port, GET)
    await eventually(() => asked)
    if (wire !== '') await client.until('half')
    client.socket.destroy()
    await eventually(() => (origin.sockets[0]?.destroyed ?? false) && outcomes.length === 1)
    t.match(outcomes[0], { status: wire === '' ? 499 : 200, aborted: true }, stage)
    t.equal(proxy.state().consecutiveFailures, 0)
    await eventually(() => proxy.state().connections === 0)
  }
})

t.test('a client that leaves in the middle of its body aborts the request upstream', async (t) => {
  let error: Error | undefined
  let got = false
  const origin = await httpOrigin(t, (request) => {
    request.on('data', () => (got = true))
    request.on('error', (reason: Error) => (error = reason))
  })
  const { port, outcomes } = await rig(t, origin.address)
  const client = rawClient(t, port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf')
  await eventually(() => got)
  client.socket.destroy()
  await eventually(() => error !== undefined && outcomes.length === 1)
  t.match(error?.message, /aborted/)
  t.match(outcomes[0], { status: 499, aborted: true })
})

t.test('a slow reader holds the upstream back, loses nothing, and is not taken for a slow upstream', async (t) => {
  // smaller than the buffers between, so that one is read while another waits to be written
  const block = 40_000
  const total = 500 * block
  let written = 0
  const origin = await netOrigin(t, (socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
      const more = (): void => {
        if (written === total) return
        const flows = socket.write(Buffer.alloc(block, written / block))
        written += block
        if (flows) setImmediate(more)
        else socket.once('drain', more)
      }
      more()
    })
  })
  const { port, outcomes } = await rig(t, origin.address, { limits: { bodyIdleTimeout: 100 } })
  const socket = net.connect({ host: '127.0.0.1', port }).pause()
  t.teardown(() => socket.destroy())
  socket.write(GET)
  await eventually(() => written > 0)
  await sleep(500)
  t.ok(written < 12 * MEGABYTE, `the origin could write ${written} bytes: what the kernel's buffers take`)
  t.strictSame(outcomes, [])
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.resume()
  await eventually(() => chunks.reduce((sum, chunk) => sum + chunk.length, 0) > total)
  const body = Buffer.concat(chunks).subarray(-total)
  let wrong = 0
  for (let i = 0; i < total; i++) if (body[i] !== Math.floor(i / block) % 256) wrong++
  t.equal(wrong, 0, 'bytes that are not what was sent')
  await eventually(() => outcomes.length === 1)
  t.match(outcomes[0], { status: 200, bytes: total, aborted: false })
})

t.test('a reader that has stopped for good is cut and frees its connection', async (t) => {
  const origin = await httpOrigin(t, (_request, response) => {
    response.on('error', () => undefined)
    response.end(Buffer.alloc(30 * MEGABYTE))
  })
  const { port, proxy, outcomes } = await rig(t, origin.address, {
    limits: { clientStallTimeout: 200, connectTimeout: 100 },
  })
  const socket = net.connect({ host: '127.0.0.1', port }).pause()
  t.teardown(() => socket.destroy())
  socket.write(GET)
  await eventually(() => outcomes.length === 1)
  t.match(outcomes[0], { status: 200, aborted: true })
  t.equal(proxy.state().consecutiveFailures, 0)
  await eventually(() => proxy.state().connections === 0)
})

t.test('large answers are not mixed up by the buffers they are read into', async (t) => {
  const letters = 'abcdefgh'
  const origin = await httpOrigin(t, (request, response) => {
    const letter = request.url?.slice(1) as string
    response.write(letter.repeat(100_000))
    setTimeout(() => response.end(letter.repeat(400_000)), 5)
  })
  const { port } = await rig(t, origin.address)
  await Promise.all(
    [...letters.repeat(4)].map(async (letter) => {
      const { text } = await call(port, `/${letter}`)
      t.equal(text.length, 500_000)
      t.ok(new RegExp(`^${letter}+$`).test(text))
    }),
  )
})

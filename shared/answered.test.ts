import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { onAnswered, onUnread } from './answered.ts'
import { commonSettings, type CommonConfig } from './config.ts'
import { createServer } from './server.ts'
import type { Deps } from './start.ts'
import { testService } from './test/service.ts'
import { until } from './test/until.ts'

/** A server that says which requests have ended, with a route that does something for as long as it is not let go. */
async function watched(t: Test) {
  const ended: string[] = []
  const begun = Promise.withResolvers<void>()
  const deed = Promise.withResolvers<void>()
  const { app } = await testService<CommonConfig>(t, {
    name: 'calendar',
    settings: commonSettings,
    build(config: CommonConfig, deps: Deps) {
      const app = createServer({ config, ...deps })
      onAnswered(app, ({ url, ip }, { raw }) => void ended.push(`${raw.statusCode} ${url} for ${ip}`))
      onUnread(app, ({ problem, ip }) => void ended.push(`${problem} for ${ip}`))
      app.post('/slow', async (_request, reply) => {
        begun.resolve()
        await deed.promise
        return reply.code(201).send({})
      })
      app.get('/endless', (_request, reply) => {
        begun.resolve()
        return reply.send(new Readable({ read() {} }).on('error', () => undefined))
      })
      app.get('/boom', () => {
        throw new Error('for the test')
      })
      return { app }
    },
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  /** Asks, and leaves as soon as the handler has begun. */
  async function leave(method: string, url: string): Promise<void> {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    await once(socket, 'connect')
    const gone = new Promise((resolve) => {
      app.server.once('request', (request) => void request.socket.once('close', resolve))
    })
    socket.write(`${method} ${url} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n`)
    await begun.promise
    socket.resetAndDestroy()
    await gone
  }
  return { app, ended, leave, finish: deed.resolve }
}

t.test('a request that is answered has ended once, whatever the answer', async (t) => {
  const { app, ended } = await watched(t)
  const { port } = app.server.address() as AddressInfo
  for (const path of ['/boom', '/nothing', '/health/live']) await fetch(`http://127.0.0.1:${port}${path}`)
  await until('all ends', () => ended.length >= 3)
  t.same(
    ended,
    ['500 /boom', '404 /nothing', '200 /health/live'].map((end) => `${end} for 127.0.0.1`),
  )
})

t.test('what was done for a client that left has ended, too, and not before it was done', async (t) => {
  const { ended, leave, finish } = await watched(t)
  await leave('POST', '/slow')
  t.same(ended, [])
  finish()
  await until('the end', () => ended.length > 0)
  t.same(ended, ['201 /slow for 127.0.0.1'])
})

t.test('an answer of which the client took a part only has ended', async (t) => {
  const { ended, leave } = await watched(t)
  await leave('GET', '/endless')
  await until('the end', () => ended.length > 0)
  t.same(ended, ['200 /endless for 127.0.0.1'])
})

t.test('what nobody can read, or decode, has ended once, too', async (t) => {
  const { app, ended } = await watched(t)
  const { port } = app.server.address() as AddressInfo
  for (const text of [
    'not HTTP at all\r\n\r\n',
    'POST /%zz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
  ]) {
    const socket = connect(port, '127.0.0.1').resume()
    socket.write(text)
    await once(socket, 'close')
  }
  await until('both ends', () => ended.length >= 2)
  t.same(ended, ['unsafe-request for 127.0.0.1', '400 /%zz for 127.0.0.1'])
})

t.test('a listener that throws ends neither the process nor what others are told', async (t) => {
  const { app, ended } = await watched(t)
  const said: unknown[] = []
  app.log.error = ({ err }: { err: Error }) => void said.push(err.message)
  const fail = () => {
    throw new Error('for the test')
  }
  onAnswered(app, fail)
  onUnread(app, fail)
  onAnswered(app, ({ url }) => void ended.push(`later ${url}`))
  const { port } = app.server.address() as AddressInfo
  for (const path of ['/health/live', '/%ff']) await (await fetch(`http://127.0.0.1:${port}${path}`)).text()
  const socket = connect(port, '127.0.0.1').resume()
  socket.write('not HTTP at all\r\n\r\n')
  await once(socket, 'close')
  await until('all ends', () => ended.length >= 5)
  t.same(
    ended.filter((end) => end.startsWith('later')),
    ['later /health/live', 'later /%ff'],
  )
  await until('what was said', () => said.length >= 3)
  t.same(new Set(said), new Set(['for the test']))
  t.equal((await fetch(`http://127.0.0.1:${port}/health/live`)).status, 200)
})

import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { until } from '#shared/test/until.ts'
import { ask, raw } from './test/client.ts'
import { testGateway } from './test/gateway.ts'

const QUICK = { PROXY_RESTART_WAIT_MS: '100', BREAKER_THRESHOLD: '1000' }
const METHODS = 'GET HEAD POST PUT PATCH DELETE OPTIONS PROPFIND REPORT MKCALENDAR'.split(' ')

t.test('a service that is down is a 503 that names it, for every method', async (t) => {
  const gateway = await testGateway(t, QUICK)
  await Promise.all([gateway.calendar.close(), gateway.diary.close(), gateway.collector.close()])
  for (const [path, service, title] of [
    ['/api/events', 'calendar', 'Calendar'],
    ['/api/diaries', 'diary', 'Diary'],
    ['/api/collector/reports', 'collector', 'Collector'],
  ] as const) {
    const answers = METHODS.map((method) =>
      ask(gateway.url + path, { method, ...(method === 'GET' || method === 'HEAD' ? {} : { body: '{"a":"한글"}' }) }),
    )
    for (const [index, answer] of (await Promise.all(answers)).entries()) {
      t.equal(answer.status, 503, `${METHODS[index]} ${path}`)
      t.match(answer.headers['retry-after'], /^[1-9]\d*$/)
      t.match(answer.headers['content-type'], 'application/problem+json')
      if (METHODS[index] === 'HEAD') t.equal(answer.text, '')
      else t.match(answer.json(), { error: `${title} service unavailable`, message: /\w/, service, status: 503 })
    }
  }
})

t.test('a service that hangs is 504, one that answers wrongly or ends early 502, none of them 500', async (t) => {
  const gateway = await testGateway(
    t,
    { ...QUICK, PROXY_HEADERS_TIMEOUT_MS: '300' },
    {
      calendar: () => undefined,
      diary: (_request, response) => response.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n'),
      collector: (_request, response) => response.socket?.destroy(),
    },
  )
  for (const method of ['GET', 'POST']) {
    const slow = await ask(`${gateway.url}/api/events`, { method })
    t.equal(slow.status, 504)
    t.match(slow.json(), { service: 'calendar', error: /in time/, message: /Calendar service did not answer/ })
    const wrong = await ask(`${gateway.url}/api/diaries`, { method })
    t.equal(wrong.status, 502)
    t.match(wrong.json(), { service: 'diary', message: /Diary service/ })
    const early = await ask(`${gateway.url}/reports`, { method })
    t.equal(early.status, 502)
    t.match(early.json(), { service: 'collector', message: /ended the connection/ })
  }
  t.equal(gateway.collector.received.length, 3, 'a GET is tried once more, a POST is not')
})

t.test('an answer of 503 is passed on, not asked for again', async (t) => {
  const gateway = await testGateway(t, QUICK, {
    calendar: (_request, response) => {
      response.writeHead(503, { 'retry-after': '7', 'content-type': 'application/json' }).end('{"from":"origin"}')
    },
  })
  const answer = await ask(`${gateway.url}/api/events`)
  t.equal(answer.status, 503)
  t.equal(answer.headers['retry-after'], '7')
  t.match(answer.json(), { from: 'origin' })
  t.equal(gateway.calendar.received.length, 1)
})

t.test('an answer that breaks off is cut for the client too', async (t) => {
  const gateway = await testGateway(t, QUICK, {
    calendar: (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('half')
      setImmediate(() => response.destroy())
    },
  })
  await t.rejects(ask(`${gateway.url}/api/events`), { code: 'ECONNRESET' })
})

t.test('rubbish sent while an answer is under way does not end up inside it', async (t) => {
  const gateway = await testGateway(t, QUICK, {
    calendar: (_request, response) => void response.writeHead(200, { 'content-length': '1000' }).write('half'),
  })
  const socket = connect(gateway.port, '127.0.0.1')
  let got = ''
  socket.setEncoding('latin1').on('data', (part: string) => (got += part))
  socket.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await until('the half answer', () => got.includes('half'))
  socket.write('rubbish\r\n\r\n')
  await once(socket, 'close')
  t.match(got, /half$/)
})

t.test('a client that leaves ends the request at the service', async (t) => {
  let left = false
  const gateway = await testGateway(t, QUICK, {
    calendar: (request) => request.once('close', () => (left = true)),
  })
  const socket = connect(gateway.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await until('the request to arrive', () => gateway.calendar.received.length === 1)
  socket.destroy()
  await until('the service to see it leave', () => left)
  t.equal((await ask(`${gateway.url}/health`)).status, 200)
})

t.test('Connection: close and HTTP/1.0 end after the answer, Expect: 100-continue is answered', async (t) => {
  const gateway = await testGateway(t)
  t.match(
    await raw(gateway.port, 'GET /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
    /200 OK.*origin/s,
  )
  const old = await raw(gateway.port, 'GET /api/events HTTP/1.0\r\nHost: localhost\r\n\r\n')
  t.match(old, /200 OK.*origin/s)
  t.notMatch(old, /transfer-encoding/i)
  const body = '{"title":"a"}'
  const expecting =
    `POST /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  t.match(await raw(gateway.port, expecting), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/)
  t.equal(gateway.calendar.received.at(-1)?.body, body)
})

t.test('headers that do not arrive in time are cut with 408, too large ones refused with 431', async (t) => {
  const gateway = await testGateway(t, { HEADERS_TIMEOUT_MS: '500' })
  t.match(
    await raw(gateway.port, 'GET /api/events HTTP/1.1\r\nHost: localhost\r\nX-Slow: '),
    /^HTTP\/1\.1 408 .*problem\+json/s,
  )
  const large = `GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`
  t.match(await raw(gateway.port, large), /^HTTP\/1\.1 431 .*"status":431/s)
  t.match(await raw(gateway.port, 'rubbish\r\n\r\n'), /^HTTP\/1\.1 400 .*"status":400/s)
})

import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { ask } from './test/client.ts'
import { testGateway } from './test/gateway.ts'

const WEBDAV = ['PROPFIND', 'PROPPATCH', 'REPORT', 'MKCALENDAR', 'MKCOL', 'MOVE', 'COPY', 'LOCK', 'UNLOCK', 'ACL']
const PLAIN = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

t.test('every path of the routing table reaches its service, rewritten where the table says so', async (t) => {
  const gateway = await testGateway(t)
  const table = [
    ['/api/calendar/events?start=a&end=b', 'calendar', '/api/calendar/events?start=a&end=b'],
    ['/api/calendar', 'calendar', '/api/calendar'],
    ['/api/events', 'calendar', '/api/calendar/events'],
    ['/api/events?start=1', 'calendar', '/api/calendar/events?start=1'],
    ['/api/events/an-id/tags', 'calendar', '/api/calendar/events/an-id/tags'],
    ['/api/tags/t1', 'calendar', '/api/calendar/tags/t1'],
    ['/api/todos/2026-11-21', 'calendar', '/api/calendar/todos/2026-11-21'],
    ['/api/diaries', 'diary', '/api/diaries'],
    ['/api/diaries/2026-11-21', 'diary', '/api/diaries/2026-11-21'],
    ['/api/diaries?date=2026-11-21', 'diary', '/api/diaries?date=2026-11-21'],
    ['/api/diaries/search?q=%ED%95%9C%EA%B8%80', 'diary', '/api/diaries/search?q=%ED%95%9C%EA%B8%80'],
    ['/api/diary/diaries', 'diary', '/api/diaries'],
    ['/api/diary/diaries/1/images/2', 'diary', '/api/diaries/1/images/2'],
    ['/ingest/qc', 'collector', '/ingest/qc'],
    ['/reports', 'collector', '/reports'],
    ['/reports?severity=block', 'collector', '/reports?severity=block'],
    ['/reports/r/bundle.zip?token=a.b/c+d==', 'collector', '/reports/r/bundle.zip?token=a.b/c+d=='],
    ['/timeline?window_h=24', 'collector', '/timeline?window_h=24'],
    ['/export?format=zip', 'collector', '/export?format=zip'],
    ['/bundle-keys/kid', 'collector', '/bundle-keys/kid'],
    ['/admin/retention/run', 'collector', '/admin/retention/run'],
    ['/admin/audit/logs', 'collector', '/admin/audit/logs'],
    ['/api/collector/ingest/qc', 'collector', '/ingest/qc'],
    ['/api/collector/reports/r', 'collector', '/reports/r'],
    ['/api/collector/timeline', 'collector', '/timeline'],
    ['/api/collector/admin/retention/run', 'collector', '/admin/retention/run'],
    ['/api/collector/admin/audit/logs', 'collector', '/admin/audit/logs'],
  ] as const
  for (const [asked, upstream, sent] of table) {
    const answer = await ask(gateway.url + asked)
    t.equal(answer.status, 200, asked)
    t.equal(gateway[upstream].received.at(-1)?.url, sent, asked)
  }
})

t.test('an unknown path is a 404 that lists what there is', async (t) => {
  const gateway = await testGateway(t)
  const answer = await ask(`${gateway.url}/nope?x=1`)
  t.equal(answer.status, 404)
  t.match(answer.json(), { error: 'Not Found', message: 'Cannot GET /nope?x=1', status: 404 })
  for (const endpoint of ['/health', '/api/calendar/*', '/api/diaries/*', '/ingest/*']) {
    t.ok(answer.json<{ availableEndpoints: string[] }>().availableEndpoints.includes(endpoint), endpoint)
  }
  for (const path of [
    '/',
    '/api',
    '/apis',
    '/api/eventsX',
    '/reportsX',
    '/api/collector/health',
    '/metrics',
    '/admin',
  ]) {
    t.equal((await ask(gateway.url + path)).status, 404, path)
  }
  for (const method of ['POST', 'PROPFIND']) {
    const answer = await ask(`${gateway.url}/nope`, {
      method,
      body: '{"a":',
      headers: { 'content-type': 'text/plain' },
    })
    t.equal(answer.status, 404, method)
    t.equal(answer.json().message, `Cannot ${method} /nope`)
  }
})

t.test('every method, those of WebDAV too, reaches the calendar with its body', async (t) => {
  const gateway = await testGateway(t)
  for (const method of [...PLAIN, ...WEBDAV]) {
    const body = method === 'GET' ? undefined : `<${method}>한글</${method}>`
    const headers = { 'content-type': 'application/xml', depth: '1' }
    const answer = await ask(`${gateway.url}/api/calendar/dav/me`, { method, headers, ...(body && { body }) })
    t.equal(answer.status, 200, method)
    const got = gateway.calendar.received.at(-1)
    t.equal(got?.method, method)
    t.equal(got?.body, body ?? '', method)
    t.equal(got?.headers.depth, '1', method)
  }
  const head = await ask(`${gateway.url}/api/calendar/events`, { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(gateway.calendar.received.at(-1)?.method, 'HEAD')
})

t.test('a request id is kept when it is harmless, made otherwise, sent on and answered', async (t) => {
  const gateway = await testGateway(t)
  const idOf = async (headers: Record<string, string>, path = '/api/events') => {
    const answer = await ask(gateway.url + path, { headers })
    return answer.headers['x-request-id'] as string
  }
  t.equal(await idOf({ 'x-request-id': 'from-me_1' }), 'from-me_1')
  t.equal(gateway.calendar.received.at(-1)?.headers['x-request-id'], 'from-me_1')
  t.equal(await idOf({ 'x-request-id': 'from-me_2' }, '/nope'), 'from-me_2')
  for (const unsafe of ['with space', 'x'.repeat(65), '<b>', 'a"b']) {
    const id = await idOf({ 'x-request-id': unsafe })
    t.match(id, /^[\da-f-]{36}$/, unsafe)
    t.equal(gateway.calendar.received.at(-1)?.headers['x-request-id'], id, unsafe)
  }
  t.not(await idOf({}), await idOf({}))
})

t.test('a coded body goes on untouched, whether it is what it says or not', async (t) => {
  const gateway = await testGateway(
    t,
    {},
    {
      collector: (request, response) => {
        const chunks: Buffer[] = []
        request.on('data', (chunk: Buffer) => chunks.push(chunk))
        request.on('end', () => response.end(Buffer.concat(chunks)))
      },
    },
  )
  for (const coding of ['gzip', 'br', 'zstd', 'x']) {
    for (const body of [Buffer.from('not coded at all'), gzipSync(randomBytes(200_000))]) {
      const headers = { 'content-encoding': coding, 'content-type': 'application/json' }
      const answer = await ask(`${gateway.url}/ingest/qc`, { method: 'POST', headers, body })
      t.equal(answer.status, 200, coding)
      t.ok(answer.bytes.equals(body), coding)
      t.equal(gateway.collector.received.at(-1)?.headers['content-encoding'], coding)
    }
  }
})

t.test('what an origin answers comes through: status, body, ETag, cookies of its own kind, Vary of both', async (t) => {
  const gateway = await testGateway(
    t,
    {},
    {
      diary: (_request, response) => {
        response.writeHead(201, {
          etag: '"abc-gzip"',
          vary: 'accept-encoding',
          'content-type': 'application/json',
          'content-encoding': 'gzip',
          'cache-control': 'private, must-revalidate',
          server: 'origin/1.0',
          'x-powered-by': 'origin',
          connection: 'keep-alive, x-hop',
          'keep-alive': 'timeout=9',
          'x-hop': 'nominated',
          'access-control-allow-origin': '*',
          link: '</api/diaries?cursor=x>; rel="next"',
        })
        response.end(Buffer.from([31, 139, 8, 0]))
      },
    },
  )
  const answer = await ask(`${gateway.url}/api/diaries`, { headers: { origin: 'http://localhost:4000' } })
  t.equal(answer.status, 201)
  t.same(answer.bytes, Buffer.from([31, 139, 8, 0]))
  t.match(answer.headers, {
    etag: '"abc-gzip"',
    'content-encoding': 'gzip',
    'cache-control': 'private, must-revalidate',
    link: '</api/diaries?cursor=x>; rel="next"',
    'access-control-allow-origin': 'http://localhost:4000',
  })
  t.match(answer.headers.vary, /origin/i)
  t.match(answer.headers.vary, /accept-encoding/i)
  for (const name of ['server', 'x-powered-by', 'x-hop']) t.notOk(name in answer.headers, name)
  t.notMatch(answer.headers['keep-alive'], 'timeout=9')
})

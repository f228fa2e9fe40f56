import type { RequestListener } from 'node:http'
import t from 'tap'
import { until } from '#shared/test/until.ts'
import { ask } from '../test/client.ts'
import { testGateway } from '../test/gateway.ts'

interface Document {
  openapi: string
  paths: Record<string, Record<string, { tags: string[]; summary?: string; security?: object[] }>>
  components: { securitySchemes: Record<string, { name: string }> }
  'x-unavailable'?: string[]
}

/** A service whose OpenAPI document has these paths. */
const describes =
  (...paths: string[]): RequestListener =>
  (_request, response) => {
    const operations = paths.map((path) => [path, { get: { summary: path }, post: { tags: ['Own'] } }])
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ openapi: '3.1.0', paths: Object.fromEntries(operations) as object }))
  }

const services = {
  calendar: describes(
    '/api/calendar/events',
    '/api/calendar/events/{id}',
    '/api/calendar/dav/{path}',
    '/health',
    '/health/live',
  ),
  diary: describes('/api/diaries', '/api/diaries/{id}/images'),
  identity: describes('/api/auth/me', '/internal/verify', '/health'),
  collector: describes('/ingest/qc', '/reports/{id}', '/metrics', '/admin/retention/run'),
}

t.test('one OpenAPI document describes all services at the paths that the gateway serves', async (t) => {
  const gateway = await testGateway(t, {}, services)
  const answer = await ask(`${gateway.url}/openapi.json`)
  t.equal(answer.status, 200)
  const document = answer.json<Document>()
  t.match(document.openapi, /^3\.1\./)
  t.same(Object.keys(document.paths).sort(), [
    '/admin/retention/run',
    '/api/auth/me',
    '/api/calendar/dav/{path}',
    '/api/calendar/events',
    '/api/calendar/events/{id}',
    '/api/diaries',
    '/api/diaries/{id}/images',
    '/ingest/qc',
    '/reports/{id}',
  ])
  t.same(document.paths['/api/diaries']?.get, {
    summary: '/api/diaries',
    tags: ['Diary'],
    security: [{ bearer: [] }, { key: [] }, { cookie: [] }, { user: [] }, {}],
  })
  t.same(document.paths['/reports/{id}']?.get?.security?.[0], { tenant: [], key: [] })
  t.same(document.paths['/api/calendar/dav/{path}']?.get?.security?.[0], { basic: [] })
  t.notMatch(document.paths['/api/calendar/events']?.get?.security, [{ basic: [] }])
  t.same(document.paths['/api/auth/me']?.get?.security?.at(-1), {}, 'what needs a credential says identity itself')
  t.match(document.components.securitySchemes, {
    tenant: { name: 'X-Tenant' },
    key: { name: 'X-Api-Key' },
    bearer: { scheme: 'bearer' },
    basic: { scheme: 'basic' },
    cookie: { in: 'cookie', name: '__Host-najimban-access' },
  })
  t.same(document.paths['/ingest/qc']?.post?.tags, ['Own'])
  t.notOk('x-unavailable' in document)
  for (const path of Object.keys(document.paths)) t.equal((await ask(gateway.url + path)).status, 200, path)
})

t.test('a service that is away is named, and described as soon as it is back', async (t) => {
  let away = true
  const gateway = await testGateway(
    t,
    {},
    {
      ...services,
      diary: (request, response) =>
        away ? void response.writeHead(500).end('not a document') : services.diary(request, response),
    },
  )
  const get = async () => (await ask(`${gateway.url}/openapi.json`)).json<Document>()
  const document = await get()
  t.same(document['x-unavailable'], ['diary'])
  t.ok('/ingest/qc' in document.paths)
  t.notOk('/api/diaries' in document.paths)
  away = false
  await until('the diary to be described', async () => '/api/diaries' in (await get()).paths)
})

t.test('the docs page and everything that it loads come from the gateway alone', async (t) => {
  const gateway = await testGateway(t, {}, services)
  const page = await ask(`${gateway.url}/docs/`, { headers: { accept: 'text/html' } })
  t.equal(page.status, 200)
  t.match(page.headers['content-type'], 'text/html')
  t.match(page.text, '<title>Najimban</title>')
  const set = await ask(`${gateway.url}/docs/static/swagger-initializer.js`)
  t.match(set.text, /"layout": ?"BaseLayout"/, 'without the bar of another product')
  const csp = page.headers['content-security-policy'] as string
  t.match(csp, "default-src 'none'")
  t.notMatch(csp, /https?:|\*|unsafe-eval|script-src[^;]*unsafe-inline/)
  t.notMatch(page.text, /(?:src|href)="(?:https?:)?\/\//)
  const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] as string)
  t.ok(parts.length >= 3)
  t.notMatch(page.text, /<script(?![^>]*\bsrc=)[^>]*>/, 'no script in the page itself: the policy forbids it')
  for (const part of parts) {
    const url = new URL(part, `${gateway.url}/docs/`)
    const loaded = await ask(url.href)
    t.equal(loaded.status, 200, part)
    if (part.endsWith('.css')) t.notMatch(loaded.text, /url\(["']?(?:https?:)?\/\//)
  }
  const document = await ask(`${gateway.url}/docs/json`)
  t.ok('/api/diaries' in document.json<Document>().paths, 'it shows the document of all services')
  const moved = await ask(`${gateway.url}/docs`)
  t.ok([200, 302].includes(moved.status))
})

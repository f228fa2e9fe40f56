import t from 'tap'
import { collector, judged } from '../test/collector.ts'

interface List {
  reports: { id: string; createdAt: number }[]
  pagination: { page: number; limit: number; totalCount: number; totalPages: number; nextCursor?: string }
}

const HOUR_MS = 3_600_000

t.test('the list is newest first and says how many there are', async (t) => {
  const { ask, ingest, ingestAt } = await collector(t)
  const plain = await ingest()
  const judgedId = await ingest({ ...judged('block'), policy: { policy_version: 'v1', evaluations: [] } })
  const oldest = await ingestAt(Date.now() - HOUR_MS)
  const { reports, pagination } = (await ask('/reports')).json<List>()
  t.same(
    reports.map(({ id }) => id),
    [judgedId, plain, oldest],
  )
  t.same(Object.keys(reports[0] as object), ['id', 'createdAt', 'updatedAt', 'policyVersion'])
  t.same(Object.keys(reports[1] as object), ['id', 'createdAt', 'updatedAt'], 'no nulls for what is not known')
  t.type(reports[0]?.createdAt, 'number')
  t.same(pagination, { page: 1, limit: 20, totalCount: 3, totalPages: 1 })
})

t.test('pages by number and by cursor give every report once, also those of one millisecond', async (t) => {
  const { ask, ingest, ingestAt } = await collector(t)
  const ids: string[] = []
  for (let n = 0; n < 7; n++) ids.unshift(await ingestAt(1_795_000_000_000))
  const read = async (query: string) => (await ask(`/reports?limit=3&${query}`)).json<List>()
  const pages = await Promise.all([1, 2, 3, 4].map((page) => read(`page=${page}`)))
  t.same(
    pages.flatMap(({ reports }) => reports.map(({ id }) => id)),
    ids,
  )
  t.same(pages[2]?.pagination, { page: 3, limit: 3, totalCount: 7, totalPages: 3 })
  t.ok(pages[1]?.pagination.nextCursor)

  const seen: string[] = []
  let cursor: string | undefined = ''
  while (cursor !== undefined) {
    const { reports, pagination }: List = await read(`cursor=${cursor}`)
    seen.push(...reports.map(({ id }) => id))
    if (cursor === '') await ingest() // a report that comes in between shifts no page
    cursor = pagination.nextCursor
  }
  t.same(seen, ids)
})

t.test('filters by severity, policy version and time work alone and together', async (t) => {
  const { ask, ingest, ingestAt } = await collector(t)
  const versioned = (version: unknown, severity: string) => ({
    ...judged(severity),
    policy: { policy_version: version, ...judged(severity).policy },
  })
  const old = await ingestAt(Date.now() - 5 * HOUR_MS, versioned('v1', 'block'))
  const block = await ingest(versioned('v1', 'block'))
  const warn = await ingest(versioned('정책 2', 'warn'))
  const find = async (query: string) => {
    const { reports, pagination } = (await ask(`/reports?${query}`)).json<List>()
    t.equal(pagination.totalCount, reports.length, query)
    return reports.map(({ id }) => id)
  }
  const since = Date.now() - HOUR_MS
  const iso = new Date(since).toISOString()
  t.same(await find('severity=block'), [block, old])
  t.same(await find('severity=info'), [])
  t.same(await find('policy_version=v1'), [block, old])
  t.same(await find(`policy_version=${encodeURIComponent('정책 2')}`), [warn])
  t.same(await find(`since=${since}`), [warn, block])
  t.same(await find(`since=${iso}`), [warn, block])
  t.same(await find(`since=${iso.slice(0, -1)}`), [warn, block], 'without an offset it is UTC')
  t.same(await find(`until=${encodeURIComponent(iso.replace('Z', '+00:00'))}`), [old])
  t.same(await find(`until=${iso.replace('Z', '+00:00')}`), [old], 'an offset that was not encoded')
  const inSeoul = Temporal.Instant.from(iso).toZonedDateTimeISO('Asia/Seoul').toPlainDateTime().toString()
  t.same(await find(`since=${inSeoul}[Asia/Seoul]`), [warn, block], 'a zone is not passed over')
  t.same(await find(`since=${since}&severity=block&policy_version=v1&until=${Date.now() + 1}`), [block])
  t.same(await find('severity=&policy_version=&since=&until=&cursor='), [warn, block, old], 'empty means not given')
})

t.test('bad values are refused with the name of the parameter', async (t) => {
  const { ask } = await collector(t)
  const bad = {
    severity: ['foo', 'BLOCK', 'block&severity=warn'],
    policy_version: ['v'.repeat(256), 'a&policy_version=b'],
    since: ['yesterday', '-1', '1.5', '2026-13-01', '99999999999999999999'],
    until: ['2026-11-21T25:00:00Z'],
    page: ['0', '-1', '1.5', 'x', '99999999999999999999'],
    limit: ['0', '101', 'all'],
    cursor: ['rubbish', 'W10', 'c'.repeat(257)],
  }
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) {
      const answer = await ask(`/reports?${name}=${value}`)
      t.equal(answer.statusCode, 400, `${name}=${value}`)
      t.match(answer.json(), { errors: [{ in: 'querystring', field: name }] }, `${name}=${value}`)
    }
  }
})

t.test('a page far behind the last one is empty, whatever its number', async (t) => {
  const { ask, ingest } = await collector(t, { REPORTS_LIST_MAX: '10000' })
  await ingest(judged('warn'))
  for (const query of ['', '&sort=-severity', '&severity=warn', '&rule=r', '&severity=warn&state=stored']) {
    const answer = await ask(`/reports?page=9007199254740991&limit=10000${query}`)
    t.match([answer.statusCode, answer.json()], [200, { reports: [] }], query)
  }
})

t.test('one report is answered whole', async (t) => {
  const { ask, ingest } = await collector(t)
  const id = await ingest({ status: { api: 'pass' }, markdown: 'text' })
  const { createdAt, updatedAt, ...rest } = (await ask(`/reports/${id}`)).json<Record<string, unknown>>()
  t.same(rest, { id, tenantId: 'default', report: { status: { api: 'pass' } }, markdown: 'text' })
  t.type(createdAt, 'number')
  t.equal(updatedAt, createdAt)
  const none = await ask('/reports/report-1-abcdefghi')
  t.match([none.statusCode, none.json()], [404, { error: 'There is no such resource', message: 'Report not found' }])
})

t.test('list, report and timeline have strong ETags, and what changed is never a 304', async (t) => {
  const { ask, ingest } = await collector(t)
  const id = await ingest()
  for (const url of ['/reports', `/reports/${id}`, '/timeline']) {
    const first = await ask(url)
    const etag = String(first.headers.etag)
    t.match(etag, /^"[\w.-]+"$/)
    t.equal(first.headers['cache-control'], 'private, must-revalidate')
    const again = await ask(url, { headers: { 'if-none-match': etag } })
    t.match([again.statusCode, again.body, again.headers.etag], [304, '', etag], url)
    await ingest({ ...judged('block'), raw: url })
    const after = await ask(url, { headers: { 'if-none-match': etag } })
    t.equal(after.statusCode, 200, url)
  }
})

t.test(
  'an admin deletes a report with its links; lists, counts and other tenants know nothing of it any more',
  async (t) => {
    const { app, ask, ingest } = await collector(t, { API_KEYS: 'default:collector-key,default:reader:viewer,b:key-b' })
    const kept = await ingest()
    const id = await ingest(judged('block'))
    const { etag } = (await ask(`/reports/${id}`)).headers
    const remove = async (key: string, tenant = 'default', ifMatch?: string) => {
      const headers = {
        'x-tenant': tenant,
        'x-api-key': key,
        ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
      }
      return (await app.inject({ method: 'DELETE', url: `/reports/${id}`, headers })).statusCode
    }
    t.equal(await remove('reader'), 403)
    t.equal(await remove('key-b', 'b'), 404)
    t.equal(await remove('collector-key', 'default', '"other"'), 412)
    t.equal(await remove('collector-key', 'default', String(etag)), 204)
    t.equal(await remove('collector-key'), 404)
    const { reports, pagination } = (await ask('/reports')).json<List>()
    t.same(
      reports.map((report) => report.id),
      [kept],
    )
    t.equal(pagination.totalCount, 1)
  },
)

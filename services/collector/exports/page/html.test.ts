import fc from 'fast-check'
import t from 'tap'
import { openChromium, withoutChromium } from '#shared/test/chromium.ts'
import type { StoredReport } from '../../reports/store.ts'
import { DEFAULT_KEY, TEAM_A, TEAM_B } from '../../test/collector.ts'
import { signing } from '../test/signing.ts'
import { PAGE_HEADERS, pageOf } from './html.ts'

const stored = (report: unknown, more: Partial<StoredReport> = {}): StoredReport => ({
  id: 'report-1-abc',
  tenantId: 'default',
  createdAt: Date.UTC(2026, 10, 21, 9, 30),
  updatedAt: Date.UTC(2026, 10, 21, 9, 30),
  severity: 'block',
  policyVersion: 'v2',
  markdown: null,
  errors: null,
  report: JSON.stringify(report),
  ...more,
})

const page = (report: unknown, more?: Partial<StoredReport>, url = '/reports/r/report.html') =>
  pageOf(stored(report, more), 'ko', url)

/** Everything that is a tag, with the attributes that our templates have. */
const TAG =
  /<(?:!doctype html|\/?(?:html|head|title|style|body|header|main|footer|section|h1|h2|p|bdi|span|dl|dt|dd|div|time|table|thead|tbody|tr|th|td|ul|li|pre|a|meta)(?:\s+(?:lang|hreflang|charset|name|content|class|dir|datetime|scope|data-head|href)="[^"<>]*"|\s)*\s*\/?)>/g

/** Whether every angle bracket belongs to a tag of ours. */
const isOurs = (text: string) => !/[<>]/.test(text.replace(/<style>[^]*?<\/style>/, '').replaceAll(TAG, ''))

t.test('the page says what the report says, in the order Status, Diff, Policy, Notes', async (t) => {
  const text = page({
    notes: ['첫째 메모'],
    policy: {
      policy_version: 'v2',
      evaluations: [{ rule: 'size', verdict: 'block', severity: 'block', message: '큼' }],
    },
    diff: { summary: [{ id: 'lcp', trend: 'up', deltaPct: 3.5 }] },
    status: { api: 'pass' },
  })
  const titles = [...text.matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, title]) => title)
  t.same(titles, ['상태', '변화', '정책', '비고'])
  t.match(text, '<html lang="ko">')
  t.match(text, '<span class="word pass">통과</span>')
  t.match(text, '+3.5')
  t.match(text, '첫째 메모')
  t.match(text, 'datetime="2026-11-21T09:30:00Z"')
  t.match(text, '2026년 11월 21일')
})

t.test('what came with the report, and what is wrong with it, is on the page', async (t) => {
  const text = page(
    { status: {} },
    { markdown: '# <i>\n본문\u0000', errors: '[]', severity: null, policyVersion: null },
  )
  t.match(text, /<pre dir="auto">\s*# &lt;i&gt;\n본문\ufffd\s*<\/pre\s*>/)
  t.match(text, '격리')
  t.notMatch(text, '심각도')
})

t.test('whatever JSON a report is, its text stays text', async (t) => {
  t.notOk(isOurs('<p><img src="x"></p>'))
  t.notOk(isOurs('<p onclick="x"></p>'))
  const evil = `"><script>alert('1')</script><img src=x onerror=y>&amp;\u202e`
  const text = page(
    { status: { [evil]: evil }, notes: [evil, { [evil]: evil }] },
    { markdown: evil, policyVersion: evil },
  )
  t.ok(isOurs(text))
  t.notMatch(text, /<script|<img|"">/)
  const json = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.constantFrom('<', '>', '"', "'", evil))
  fc.assert(
    fc.property(fc.array(json), fc.string({ unit: 'binary' }), (list, markdown) => {
      const named = list.map((value) => ({ id: value, trend: value, rule_id: value, message: value, severity: value }))
      const report = { status: { ...list }, diff: { summary: named }, policy: { evaluations: named }, notes: list }
      return isOurs(page(report, { markdown }))
    }),
  )
  fc.assert(
    fc.property(json, json, json, json, (status, diff, policy, notes) => isOurs(page({ status, diff, policy, notes }))),
  )
  fc.assert(
    fc.property(fc.webQueryParameters(), (query) => isOurs(page({ status: {} }, {}, `/r/report.html?${query}`))),
  )
})

t.test('nothing runs on the page and nothing is loaded by it', async (t) => {
  const text = page({ status: { api: 'pass' } })
  t.notMatch(text, /<script|<link|<img|src=|@import|url\(|https?:/)
  t.match(PAGE_HEADERS['content-security-policy'], /^default-src 'none'; style-src 'sha256-/)
})

t.test('who has a credential sees the page, in the language of the address or the browser', async (t) => {
  const { ask, ingest, open } = await signing(t)
  const id = await ingest({ status: { api: 'fail' } }, TEAM_A)
  const url = `/reports/${id}/report.html`
  const get = (headers: Record<string, string>, query = '') => open(url + query, headers)
  const korean = await get({ ...TEAM_A, 'accept-language': 'ko-KR' })
  t.equal(korean.statusCode, 200)
  t.match(korean.headers, { ...PAGE_HEADERS, 'content-language': 'ko', vary: /accept-language/ })
  t.match(korean.body, '품질 보고서')
  t.match((await get({ ...TEAM_A, 'accept-language': 'ko-KR' }, '?lang=en')).body, 'Quality report')
  t.equal((await get(TEAM_A, '?lang=fr')).statusCode, 400)
  t.match((await get({})).json(), { status: 401, error: 'Missing X-Tenant and X-Api-Key' })
  t.equal((await get({ ...TEAM_A, 'x-api-key': 'wrong' })).statusCode, 403)
  t.equal((await get(TEAM_B)).statusCode, 404, 'not of that tenant')
  t.equal((await get(DEFAULT_KEY)).statusCode, 404)
  const { logs } = (await ask('/admin/audit/logs', { headers: TEAM_A })).json<{ logs: { path: string }[] }>()
  t.ok(logs.filter(({ path }) => path === url).length >= 3, 'and that is in the log')
})

t.test('the page in the other language is one link away, also with a token', async (t) => {
  const { ingest, sign, open } = await signing(t)
  const { url } = await sign(await ingest(), { 'accept-language': 'ko' }, { purpose: 'html' })
  const { body } = await open(url)
  t.match(body, '품질 보고서')
  const [, href = ''] = /<a[^>]*href="([^"]*)"/.exec(body) ?? []
  const { pathname, search } = new URL(href.replaceAll('&amp;', '&'), `http://x${url}`)
  t.match((await open(pathname + search)).body, 'Quality report')
})

t.test(
  'a browser shows it from a phone to a desktop, asks for nothing else and runs nothing',
  { skip: withoutChromium },
  async (t) => {
    const { app, ingest, sign } = await signing(t)
    const evaluation = {
      rule_id: 'x'.repeat(300),
      target: 'النص العربي 123',
      verdict: 'block',
      severity: 'block',
      message: `<script>document.title = 'run'</script> ${'매우긴설명'.repeat(80)} 👨‍👩‍👧‍👦`,
    }
    const id = await ingest({
      status: { api: 'pass' },
      policy: { evaluations: [evaluation] },
      markdown: 'y'.repeat(2000),
    })
    const { url } = await sign(id, {}, { purpose: 'html', lang: 'ko' })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as { port: number }
    const browser = await openChromium(t)
    for (const width of [320, 1200]) {
      const page = await browser.newPage({ viewport: { width, height: 800 } })
      const [requests, said]: [string[], string[]] = [[], []]
      page.on('request', (request) => void requests.push(request.url()))
      page.on('console', (message) => void said.push(message.text()))
      await page.goto(`http://127.0.0.1:${port}${url}`)
      t.equal(await page.title(), `품질 보고서 ${id}`)
      t.equal(await page.evaluate('document.documentElement.scrollWidth'), width, 'nothing is wider than the window')
      t.match(await page.evaluate('getComputedStyle(document.querySelector("section")).borderRadius'), '12px')
      t.match([requests.length, said], [1, []])
    }
  },
)

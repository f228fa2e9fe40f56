import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { until } from '#shared/test/until.ts'
import { collector, SQLITE_ONLY, TEAM_A, TEAM_A_SENDER, TEAM_B } from '../test/collector.ts'
import { signing, type Signed } from './test/signing.ts'

const HOUR_MS = 3_600_000

t.test('a report is signed with no body and no content type, or with {}', async (t) => {
  const { ask, ingest, sign } = await signing(t)
  const id = await ingest()
  const before = Date.now()
  const { token, bundleUrl, url, issuedAt, expiresAt } = await sign(id)
  t.match(token, /^[\w-]{43}$/, 'nothing that a query would need encoded')
  t.equal(bundleUrl, `/reports/${id}/bundle.zip?token=${token}`)
  t.equal(url, bundleUrl)
  t.ok(issuedAt >= before)
  t.equal(expiresAt, issuedAt + HOUR_MS)
  const asJson = { 'content-type': 'application/json' }
  t.equal((await ask(`/reports/${id}/sign`, { method: 'POST', payload: {} })).statusCode, 200)
  t.equal((await ask(`/reports/${id}/sign`, { method: 'POST', headers: asJson })).statusCode, 200)
  t.equal((await ask('/reports/none/sign', { method: 'POST' })).statusCode, 404)
})

t.test('below the prefix of the gateway the link is below it, too, and bears its language', async (t) => {
  const { ingest, sign } = await signing(t)
  const id = await ingest()
  const prefixed = await sign(id, { 'x-forwarded-prefix': '/api/collector', 'accept-language': 'ko-KR,en;q=0.5' })
  t.equal(prefixed.bundleUrl, `/api/collector/reports/${id}/bundle.zip?token=${prefixed.token}&lang=ko`)
  const chosen = await sign(id, { 'accept-language': 'ko' }, { lang: 'en' })
  t.equal(chosen.bundleUrl, `/reports/${id}/bundle.zip?token=${chosen.token}`)
})

t.test('without a token it is 401; with a bad, expired or foreign one 403', async (t) => {
  const { app, ask, ingest, sign } = await signing(t)
  const id = await ingest({ status: {} }, TEAM_A)
  const other = await ingest({ status: {}, notes: ['another'] }, TEAM_A)
  const { token, bundleUrl } = await sign(id, TEAM_A)
  const get = async (url: string, headers: Record<string, string> = {}) => {
    const answer = await app.inject({ url, headers })
    if (answer.statusCode !== 200) t.notMatch(answer.body, token, 'a token is not repeated')
    return answer.statusCode
  }
  t.equal(await get(`/reports/${id}/bundle.zip`), 401)
  t.equal(await get(`/reports/${id}/bundle.zip?token=`), 401)
  t.equal(await get(`/reports/${id}/bundle.zip?token=${token.slice(1)}`), 403)
  t.equal(await get(`/reports/${id}/bundle.zip?token=${'%F0%9F%98%80'.repeat(50)}`), 403)
  t.equal(await get(`/reports/${other}/bundle.zip?token=${token}`), 403, 'another report')
  t.equal(await get(`/reports/report-1-abcdefghi/bundle.zip?token=${token}`), 403, 'no report')
  t.equal(await get(bundleUrl, TEAM_B), 403, 'another tenant')
  t.equal(await get(bundleUrl, TEAM_A), 200)
  t.equal((await app.inject({ method: 'HEAD', url: bundleUrl })).statusCode, 200)
  const short = await sign(id, TEAM_A, { expires_in: 1 })
  t.equal(short.expiresAt, short.issuedAt + 1000)
  t.equal(await get(short.bundleUrl), 200)
  await until('its end', () => Date.now() > short.expiresAt)
  t.equal(await get(short.bundleUrl), 403, 'expired')
  const { logs } = (await ask('/admin/audit/logs?security_event=true', { headers: TEAM_A })).json<{ logs: object[] }>()
  t.same(
    logs.map((entry) => (entry as { securityEvent: string }).securityEvent),
    [...Array<string>(5).fill('bad_token'), ...Array<string>(2).fill('missing_token')],
    'the owner of the report sees who tried',
  )
})

t.test('a time, a purpose or a language that there is not is refused', async (t) => {
  const { ask, ingest } = await signing(t, { SIGN_TOKEN_TTL_MAX_S: '7200' })
  const id = await ingest()
  for (const [payload, status] of [
    [{ expires_in: 7200 }, 200],
    [{ expires_in: 7201 }, 400],
    [{ expires_in: 0 }, 400],
    [{ purpose: 'json' }, 400],
    [{ lang: 'fr' }, 400],
    [{ single_use: 'perhaps' }, 400],
    [{ anything: 'else' }, 400],
  ] as const) {
    const answer = await ask(`/reports/${id}/sign`, { method: 'POST', payload })
    t.equal(answer.statusCode, status, JSON.stringify(payload))
  }
})

t.test('a link is good for its purpose alone', async (t) => {
  const { ingest, sign, open } = await signing(t)
  const id = await ingest()
  const bundle = await sign(id)
  const page = await sign(id, {}, { purpose: 'html' })
  t.equal(page.bundleUrl, undefined)
  t.equal(page.url, `/reports/${id}/report.html?token=${page.token}`)
  t.equal((await open(bundle.url)).statusCode, 200)
  t.equal((await open(page.url)).statusCode, 200)
  t.equal((await open(`/reports/${id}/bundle.zip?token=${page.token}`)).statusCode, 403)
  t.equal((await open(`/reports/${id}/report.html?token=${bundle.token}`)).statusCode, 403)
})

t.test(
  'of many at once exactly one uses a link for one use, and looking whether it is there uses nothing',
  async (t) => {
    const { app, ingest, sign, open, history } = await signing(t)
    const id = await ingest()
    for (const purpose of ['bundle', 'html']) {
      const { url } = await sign(id, {}, { single_use: true, purpose })
      t.equal((await app.inject({ method: 'HEAD', url })).statusCode, 200)
      const answers = await Promise.all(Array.from({ length: 8 }, () => open(url)))
      t.same(answers.map(({ statusCode }) => statusCode).sort(), [200, 403, 403, 403, 403, 403, 403, 403])
      t.equal((await app.inject({ method: 'HEAD', url })).statusCode, 403)
    }
    const [page, bundle] = (await history(id)).history
    t.match(
      [page, bundle],
      [
        { purpose: 'html', singleUse: true },
        { purpose: 'bundle', singleUse: true },
      ],
    )
    t.type(page?.usedAt, 'number')
  },
)

t.test('a download that the client cuts off has used a link for one use', async (t) => {
  const { app, ingest, sign, open, history } = await signing(t)
  const id = await ingest({ status: {}, raw: 'x'.repeat(900_000) })
  const { url } = await sign(id, {}, { single_use: true })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  const aborting = new AbortController()
  const answer = await fetch(`http://127.0.0.1:${port}${url}`, { signal: aborting.signal })
  await answer.body?.getReader().read()
  aborting.abort()
  t.equal((await open(url)).statusCode, 403)
  t.type((await history(id)).history[0]?.usedAt, 'number')
})

t.test('a link that is revoked is over at once, and only that one', async (t) => {
  const { ask, ingest, sign, open, history } = await signing(t)
  const [id, other] = [await ingest(), await ingest({ status: { api: 'fail' } })]
  const [one, two, foreign] = [await sign(id), await sign(id), await sign(other)]
  const revoke = (report: string, link: string, headers = {}) =>
    ask(`/reports/${report}/sign/${link}`, { method: 'DELETE', headers })
  t.equal((await revoke(other, one.id)).statusCode, 404, 'it is not a link to that report')
  t.equal((await revoke(id, one.id, TEAM_B)).statusCode, 404, 'nor of that tenant')
  t.equal((await revoke(id, one.id, TEAM_A_SENDER)).statusCode, 404)
  t.equal((await revoke(id, 'none')).statusCode, 404)
  t.equal((await open(one.url)).statusCode, 200)
  t.equal((await revoke(id, one.id)).statusCode, 204)
  t.equal((await open(one.url)).statusCode, 403)
  t.equal((await open(two.url)).statusCode, 200)
  t.equal((await open(foreign.url)).statusCode, 200)
  const { revokedAt } = (await history(id)).history[1] ?? {}
  t.type(revokedAt, 'number')
  t.equal((await revoke(id, one.id)).statusCode, 204, 'once more is no fault')
  t.equal((await history(id)).history[1]?.revokedAt, revokedAt, 'and changes nothing')
  const single = await sign(id, {}, { single_use: true })
  await revoke(id, single.id)
  t.equal((await open(single.url)).statusCode, 403)
})

t.test('the database holds no token', async (t) => {
  const { ingest, sign, sql } = await signing(t)
  const { token } = await sign(await ingest())
  const stored = JSON.stringify(await sql('SELECT tokenPreview AS preview, requestedBy AS who FROM sign_tokens'))
  t.notMatch(stored, token)
  t.match(stored, token.slice(0, 8))
})

t.test('the history of a report is its own, newest first, and goes on by cursor', async (t) => {
  const { ask, ingest, sign, history } = await signing(t)
  const id = await ingest()
  const other = await ingest({ status: { api: 'warn' } })
  const tokens = [await sign(id), await sign(id), await sign(id)]
  const foreign = await sign(other, {}, { purpose: 'html', single_use: true })
  const untouched = await history(other)
  const all = await history(id)
  t.same(
    all.history.map(({ tokenPreview }) => tokenPreview),
    tokens.toReversed().map(({ token }) => `${token.slice(0, 8)}...`),
  )
  t.equal(all.count, 3)
  t.match(all, { reportId: id, history: [{ requestedBy: 'default:admin', id: tokens[2]?.id, purpose: 'bundle' }] })
  const [newest] = all.history
  t.same(
    [newest?.issuedAt, newest?.createdAt, newest?.expiresAt],
    [tokens[2]?.issuedAt, tokens[2]?.issuedAt, tokens[2]?.expiresAt],
  )
  const first = await history(id, '?limit=2')
  const second = await history(id, `?limit=2&cursor=${first.nextCursor}`)
  t.same([...first.history, ...second.history], all.history)
  t.equal(second.nextCursor, undefined)
  await ask(`/reports/${id}/sign/${tokens[0]?.id}`, { method: 'DELETE' })
  await ask(`/reports/${id}`, { method: 'DELETE' })
  t.same(await history(other), untouched, 'whatever happens to the links of another')
  t.match(untouched, { count: 1, history: [{ id: foreign.id }] })
  t.equal((await ask('/reports/none/sign-history')).statusCode, 404)
  t.equal((await ask(`/reports/${id}/sign-history`)).statusCode, 404, 'it went with the report')
  t.equal((await ask(`/reports/${other}/sign-history?limit=0`)).statusCode, 400)
})

t.test('a retried signing gives the same link and no second entry', async (t) => {
  const { ask, ingest, history } = await signing(t)
  const id = await ingest()
  const sign = () => ask(`/reports/${id}/sign`, { method: 'POST', headers: { 'idempotency-key': 'once' } })
  const first = await sign()
  const again = await sign()
  t.equal(again.body, first.body)
  t.equal(again.headers['idempotency-replayed'], 'true')
  t.equal((await history(id)).count, 1)
})

t.test(
  'the database has no token in clear, and a retry gets the link also after the encryption key has changed',
  SQLITE_ONLY,
  async (t) => {
    const [old, next] = ['old', 'new'].map((id) => `${id}:${randomBytes(32).toString('base64')}`) as [string, string]
    const first = await collector(t, { ENCRYPTION_KEYS: old })
    const id = await first.ingest()
    const retry = (ask: typeof first.ask) =>
      ask(`/reports/${id}/sign`, { method: 'POST', headers: { 'idempotency-key': 'once' } })
    const { token } = (await retry(first.ask)).json<Signed>()
    await first.close()
    const { dataDir: DATA_DIR } = first
    t.notOk(readFileSync(path.join(DATA_DIR, 'collector.db')).includes(token))

    const both = await collector(t, { DATA_DIR, ENCRYPTION_KEYS: `${next},${old}` })
    const sealed = both.database?.prepare<[], Buffer>("SELECT body FROM idempotency_keys WHERE key = 'once'").pluck()
    await until('the rotation at the start', () => sealed?.get()?.includes('new'))
    await both.close()
    const after = await collector(t, { DATA_DIR, ENCRYPTION_KEYS: next })
    t.equal((await retry(after.ask)).json<Signed>().token, token)
  },
)

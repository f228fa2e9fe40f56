import { hash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import yauzl from 'yauzl'
import { until } from '#shared/test/until.ts'
import { collector, judged, TEAM_A, TEAM_B } from '../test/collector.ts'
import { bundleFiles, zipStream } from './bundle.ts'

interface Signed {
  token: string
  bundleUrl: string
  issuedAt: number
  expiresAt: number
}
interface History {
  history: { tokenPreview: string; requestedBy: string; issuedAt: number; createdAt: number; expiresAt: number }[]
  count: number
  nextCursor?: string
}

const HOUR_MS = 3_600_000

/** The entries of a zip, as an independent reader finds them. */
async function unzip(bytes: Buffer): Promise<Record<string, Buffer>> {
  const found: Record<string, Buffer> = {}
  const zip = await promisify<Buffer, yauzl.Options, yauzl.ZipFile>(yauzl.fromBuffer)(bytes, { lazyEntries: true })
  const open = promisify(zip.openReadStream.bind(zip)) as (entry: yauzl.Entry) => Promise<NodeJS.ReadableStream>
  return new Promise((resolve, reject) => {
    zip.on('entry', (entry: yauzl.Entry) => {
      open(entry)
        .then(buffer)
        .then((content) => {
          found[entry.fileName] = content
          zip.readEntry()
        }, reject)
    })
    zip.on('error', reject)
    zip.on('end', () => resolve(found))
    zip.readEntry()
  })
}

async function signing(test: Test, env: Record<string, string> = {}) {
  const service = await collector(test, env)
  const sign = async (id: string, headers: Record<string, string> = {}) => {
    const answer = await service.ask(`/reports/${id}/sign`, { method: 'POST', headers })
    test.equal(answer.statusCode, 200)
    return answer.json<Signed>()
  }
  const history = async (id: string, query = '') =>
    (await service.ask(`/reports/${id}/sign-history${query}`)).json<History>()
  return { ...service, sign, history }
}

t.test('a report is signed with no body and no content type, or with {}', async (t) => {
  const { ask, ingest, sign } = await signing(t)
  const id = await ingest()
  const before = Date.now()
  const { token, bundleUrl, issuedAt, expiresAt } = await sign(id)
  t.match(token, /^[\w-]{43}$/, 'nothing that a query would need encoded')
  t.equal(bundleUrl, `/reports/${id}/bundle.zip?token=${token}`)
  t.ok(issuedAt >= before)
  t.equal(expiresAt, issuedAt + HOUR_MS)
  const asJson = { 'content-type': 'application/json' }
  t.equal((await ask(`/reports/${id}/sign`, { method: 'POST', payload: {} })).statusCode, 200)
  t.equal((await ask(`/reports/${id}/sign`, { method: 'POST', headers: asJson })).statusCode, 200)
  t.equal((await ask('/reports/none/sign', { method: 'POST' })).statusCode, 404)
})

t.test('the link alone gives a real zip whose files are what bundle-meta says', async (t) => {
  const { app, ask, ingest, sign } = await signing(t)
  const report = { ...judged('block'), notes: ['업데이트 <b>'] }
  const id = await ingest(report)
  const { bundleUrl } = await sign(id)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  const answer = await fetch(`http://127.0.0.1:${port}${bundleUrl}`)
  const zip = Buffer.from(await answer.arrayBuffer())
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('content-type'), 'application/zip')
  t.equal(answer.headers.get('content-disposition'), `attachment; filename="${id}.zip"`)
  t.equal(answer.headers.get('cache-control'), 'private, no-store')

  const files = await unzip(zip)
  t.same(Object.keys(files), ['qc_report.json', 'qc_report.md', 'bundle_meta.json', 'checksums.txt'])
  t.same(JSON.parse(String(files['qc_report.json'])), report)
  t.match(String(files['qc_report.md']), '- 업데이트 \\<b\\>')
  t.match(JSON.parse(String(files['bundle_meta.json'])), { reportId: id, tenantId: 'default', severity: 'block' })

  const meta = (await ask(`/reports/${id}/bundle-meta`)).json<Record<string, never>>()
  const described = Object.entries(files).map(([name, content]) => ({
    name,
    size: content.length,
    checksum: hash('sha256', content),
  }))
  t.same(meta.files, described)
  t.same(meta.checksums, Object.fromEntries(described.map(({ name, checksum }) => [name, checksum])))
  t.match(meta, { reportId: id, totalFiles: 4, estimatedZipSize: zip.length })
  t.equal(
    meta.totalSize,
    described.reduce((sum, { size }) => sum + size, 0),
  )
  t.type(meta.createdAt, 'number')
  t.type(meta.updatedAt, 'number')
  const sums = described.slice(0, 3).map(({ name, checksum }) => `${checksum}  ${name}\n`)
  t.equal(String(files['checksums.txt']), sums.join(''))
})

t.test('unzip and sha256sum, where there are any, find the bundle whole', async (t) => {
  const { ask, ingest, sign } = await signing(t)
  const { bundleUrl } = await sign(await ingest({ status: { api: 'pass' }, markdown: '# 보고서' }))
  const folder = t.testdir({})
  const file = path.join(folder, 'bundle.zip')
  writeFileSync(file, (await ask(bundleUrl)).rawPayload)
  if (!existsSync('/usr/bin/unzip')) return t.pass('there is no unzip here')
  const tested = spawnSync('unzip', ['-t', file], { encoding: 'utf8' })
  t.match([tested.status, tested.stdout], [0, /No errors detected/])
  spawnSync('unzip', [file, '-d', folder])
  t.equal(spawnSync('sha256sum', ['-c', 'checksums.txt'], { cwd: folder }).status, 0)
})

t.test('the markdown that was sent is in the bundle as it came', async (t) => {
  const { ask, ingest, sign } = await signing(t)
  const { bundleUrl } = await sign(await ingest({ status: {}, markdown: '# 직접 쓴 보고서\n\n| <b> |' }))
  const files = await unzip((await ask(bundleUrl)).rawPayload)
  t.equal(String(files['qc_report.md']), '# 직접 쓴 보고서\n\n| <b> |')
})

t.test('the same report gives the same bytes, whenever and in whatever time zone', async (t) => {
  const { ask, ingest, sign } = await signing(t)
  const id = await ingest(judged('warn'))
  const bytes = async () => (await ask((await sign(id)).bundleUrl)).rawPayload
  t.ok((await bytes()).equals(await bytes()))

  const createdAt = Date.UTC(2026, 10, 21, 15, 30, 20)
  const report = { id: 'r', tenantId: 't', createdAt, updatedAt: createdAt, severity: null, policyVersion: null }
  const files = bundleFiles({ ...report, markdown: null, report: '{"status":{}}' })
  const zone = process.env.TZ
  t.teardown(() => (zone === undefined ? delete process.env.TZ : (process.env.TZ = zone)))
  const zips: string[] = []
  for (const name of ['UTC', 'Asia/Seoul', 'America/New_York']) {
    process.env.TZ = name
    zips.push((await buffer(zipStream(files, createdAt))).toString('base64'))
  }
  t.equal(new Set(zips).size, 1)
})

t.test('without a token it is 401; with a bad, expired or foreign one 403', async (t) => {
  const { app, ask, ingest, sign, database } = await signing(t)
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
  database?.exec(`UPDATE sign_tokens SET expiresAt = ${Date.now()}`)
  t.equal(await get(bundleUrl), 403, 'expired')
  const { logs } = (await ask('/admin/audit/logs?security_event=true', { headers: TEAM_A })).json<{ logs: object[] }>()
  t.same(
    logs.map((entry) => (entry as { securityEvent: string }).securityEvent),
    [...Array<string>(5).fill('bad_token'), ...Array<string>(2).fill('missing_token')],
    'the owner of the report sees who tried',
  )
})

t.test('the database holds no token', async (t) => {
  const { ingest, sign, database } = await signing(t)
  const { token } = await sign(await ingest())
  const stored = JSON.stringify(database?.prepare('SELECT * FROM sign_tokens').all())
  t.notMatch(stored, token)
  t.match(stored, token.slice(0, 8))
})

t.test('the history of a report is its own, newest first, and goes on by cursor', async (t) => {
  const { ask, ingest, sign, history } = await signing(t)
  const id = await ingest()
  const other = await ingest({ status: { api: 'warn' } })
  const tokens = [await sign(id), await sign(id), await sign(id)]
  await sign(other)
  const all = await history(id)
  t.same(
    all.history.map(({ tokenPreview }) => tokenPreview),
    tokens.toReversed().map(({ token }) => `${token.slice(0, 8)}...`),
  )
  t.equal(all.count, 3)
  t.match(all, { reportId: id, history: [{ requestedBy: 'default:admin' }] })
  const [newest] = all.history
  t.same(
    [newest?.issuedAt, newest?.createdAt, newest?.expiresAt],
    [tokens[2]?.issuedAt, tokens[2]?.issuedAt, tokens[2]?.expiresAt],
  )
  t.equal((await history(other)).count, 1)
  const first = await history(id, '?limit=2')
  const second = await history(id, `?limit=2&cursor=${first.nextCursor}`)
  t.same([...first.history, ...second.history], all.history)
  t.equal(second.nextCursor, undefined)
  t.equal((await ask('/reports/none/sign-history')).statusCode, 404)
  t.equal((await ask(`/reports/${id}/sign-history?limit=0`)).statusCode, 400)
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

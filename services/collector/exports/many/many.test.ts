import { spawnSync } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { until } from '#shared/test/until.ts'
import { collector, DEFAULT_KEY, judged, TEAM_A, TEAM_B } from '../../test/collector.ts'
import { unzip } from '../test/signing.ts'
import { verifyBundle } from '../verify/verify.ts'

const DAY = Date.UTC(2026, 10, 20)

/** A collector that listens, with what it takes to export from it. */
async function exporting(t: Test, env: Record<string, string> = {}) {
  const service = await collector(t, env)
  await service.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = service.app.server.address() as { port: number }
  const get = (query = '', headers: Record<string, string> = DEFAULT_KEY, signal?: AbortSignal) =>
    fetch(`http://127.0.0.1:${port}/export${query}`, { headers, ...(signal === undefined ? {} : { signal }) })
  const lines = async (query = '', headers = DEFAULT_KEY) => {
    const text = await (await get(query, headers)).text()
    return text === ''
      ? []
      : text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as { id: string })
  }
  /** More than the sockets hold, so that an export waits for its reader. */
  const fill = async (headers: Record<string, string> = DEFAULT_KEY) => {
    for (let i = 0; i < 16; i++) await service.ingest({ status: {}, raw: [i, 'x'.repeat(1_000_000)] }, headers)
  }
  return { ...service, port, get, lines, fill }
}

t.test('every report of a time is a line, oldest first, as it is read alone', async (t) => {
  const { ask, ingest, ingestAt, lines, get } = await exporting(t)
  const ids: string[] = []
  for (let i = 0; i < 130; i++)
    ids.push(await ingestAt(DAY + Math.floor(i / 3), { status: { api: 'pass' }, notes: [`${i}`] }))
  await ingest({ status: {}, notes: ['of another tenant'] }, TEAM_A)
  const marked = await ingest({ status: {}, markdown: '# 보고서\n' })
  const all = await lines()
  t.same(
    all.map(({ id }) => id),
    [...ids, marked],
  )
  t.same(all.at(-1), (await ask(`/reports/${marked}`)).json())
  t.same(
    (await lines(`?from=${DAY + 1}&to=${DAY + 2}`)).map(({ id }) => id),
    ids.slice(3, 9),
  )
  t.same(
    (await lines('?from=2026-11-20T00:00:00.001Z&to=2026-11-20T00:00:00.002')).map(({ id }) => id),
    ids.slice(3, 9),
  )
  t.same(await lines('?from=2030-01-01T00:00:00Z&to=2030-01-02T00:00:00Z'), [])
  const answer = await get('?to=1')
  t.match(Object.fromEntries(answer.headers), {
    'content-type': 'application/x-ndjson',
    'content-disposition': 'attachment; filename="reports.ndjson"',
    'cache-control': 'private, no-store',
  })
})

t.test('only those of a severity or state are exported when that is asked for', async (t) => {
  const { ingest, lines } = await exporting(t)
  const [block, warn] = [await ingest(judged('block')), await ingest(judged('warn'))]
  const odd = await ingest({ status: { api: 'nonsense' } })
  const idsOf = async (query: string) => (await lines(query)).map(({ id }) => id)
  t.same(await idsOf('?severity=block'), [block])
  t.same(await idsOf('?severity=none'), [odd])
  t.same(await idsOf('?state=quarantined'), [odd])
  t.same(await idsOf('?state=stored'), [block, warn])
  t.same(await idsOf('?severity=warn&state=stored'), [warn])
})

t.test('what cannot be asked for is refused, and who may not read exports nothing', async (t) => {
  const { get, app } = await exporting(t)
  for (const query of ['?format=csv', '?from=x', '?from=2&to=1', '?severity=bad', '?state=x', '?lang=fr']) {
    t.equal((await get(query)).status, 400, query)
  }
  t.equal((await get('', {})).status, 401)
  const head = await app.inject({ method: 'HEAD', url: '/export?format=zip', headers: DEFAULT_KEY })
  t.match([head.statusCode, head.headers['content-type']], [200, 'application/zip'])
})

t.test('a zip has folders of reports, their checksums and a signature that is good', async (t) => {
  const { app, ask, ingestAt, get, dataDir } = await exporting(t, { EXPORT_FOLDER: '2', EXPORT_PAGE: '3' })
  const ids: string[] = []
  for (let i = 0; i < 5; i++) ids.push(await ingestAt(DAY + i, { status: { api: 'pass' }, notes: [`${i}`] }))
  const query = `?format=zip&from=${DAY}&to=${DAY + 100}&lang=ko`
  const bytes = Buffer.from(await (await get(query)).arrayBuffer())
  const files = await unzip(bytes)
  const inFolder = (folder: string, own: string[]) => [
    ...own.flatMap((id) => [`${folder}/${id}.json`, `${folder}/${id}.md`]),
    `${folder}/checksums.txt`,
  ]
  t.same(Object.keys(files), [
    ...inFolder('00001', ids.slice(0, 2)),
    ...inFolder('00002', ids.slice(2, 4)),
    ...inFolder('00003', ids.slice(4)),
    'export_meta.json',
    'checksums.txt',
    'checksums.txt.sig',
  ])
  t.same(JSON.parse(String(files[`00001/${ids[0]}.json`])), (await ask(`/reports/${ids[0]}`)).json())
  t.match(String(files[`00003/${ids[4]}.md`]), '## 상태')
  t.match(JSON.parse(String(files['export_meta.json'])), { tenantId: 'default', from: DAY, reports: 5, folders: 3 })
  t.ok(bytes.equals(Buffer.from(await (await get(query)).arrayBuffer())), 'the same reports give the same bytes')

  const file = path.join(t.testdir({}), 'reports.zip')
  writeFileSync(file, bytes)
  const jwks = (await app.inject('/bundle-keys')).json<{ keys: object[] }>()
  const keys = jwks.keys.map((key) => createPublicKey({ key: key as never, format: 'jwk' }))
  t.match(verifyBundle(file, keys), { faults: [], count: 16, reports: 5, tenantId: 'default' })
  const at = bytes.indexOf('"notes":["3"]')
  bytes[at + 10] = 0x34
  writeFileSync(file, bytes)
  t.match(verifyBundle(file, keys).faults, [/does not have its CRC/])
  t.same(
    readdirSync(dataDir).filter((name) => name.startsWith('export-')),
    [],
    'nothing is left in the folder of the data',
  )
})

t.test('an export of nothing is a good zip, too; unzip and sha256sum agree', async (t) => {
  const { app, get, ingest } = await exporting(t)
  const cwd = t.testdir({})
  const keys = (await app.inject('/bundle-keys')).json<{ keys: object[] }>().keys
  const publicKeys = keys.map((key) => createPublicKey({ key: key as never, format: 'jwk' }))
  const check = async (name: string) => {
    const file = path.join(cwd, name)
    writeFileSync(file, Buffer.from(await (await get('?format=zip')).arrayBuffer()))
    t.same(verifyBundle(file, publicKeys).faults, [])
    return file
  }
  await check('nothing.zip')
  await ingest()
  const file = await check('one.zip')
  if (!existsSync('/usr/bin/unzip')) return t.pass('there is no unzip here')
  t.equal(spawnSync('unzip', ['-t', file]).status, 0)
  spawnSync('unzip', [file], { cwd })
  t.equal(spawnSync('sha256sum', ['-c', 'checksums.txt'], { cwd }).status, 0)
  t.equal(spawnSync('sha256sum', ['-c', 'checksums.txt'], { cwd: path.join(cwd, '00001') }).status, 0)
})

t.test('a tenant has its share of exports at a time, and all together have theirs', async (t) => {
  const { get, fill } = await exporting(t, { EXPORTS_TENANT_MAX: '1', EXPORTS_MAX: '2' })
  await fill()
  await fill(TEAM_A)
  const leaving = new AbortController()
  // A response that nobody holds is cancelled when it is collected.
  const held = [await get('', DEFAULT_KEY, leaving.signal)]
  const own = await get()
  t.match([own.status, own.headers.get('retry-after')], [429, '10'])
  t.match(await own.json(), { message: /EXPORTS_TENANT_MAX/ })
  held.push(await get('?format=zip', TEAM_A, leaving.signal))
  const all = await get('', TEAM_B)
  t.match([all.status, all.headers.get('retry-after')], [503, '10'])
  t.same(
    held.map(({ status }) => status),
    [200, 200],
  )
  leaving.abort()
  await until('the ends of those whose clients left', async () => {
    const answers = await Promise.all([get('?to=1'), get('?to=1', TEAM_A)])
    return answers.every(({ status }) => status === 200)
  })
})

t.test('two tenants that have all they may leave room for a third, and none waits for what nobody takes', async (t) => {
  const { get, lines, fill, ingest } = await exporting(t, { EXPORTS_MAX: '4', EXPORTS_AT_WORK_MAX: '1' })
  await fill()
  await fill(TEAM_A)
  const id = await ingest(undefined, TEAM_B)
  const leaving = new AbortController()
  const held = [await get('', DEFAULT_KEY, leaving.signal), await get('?format=zip', DEFAULT_KEY, leaving.signal)]
  held.push(await get('', TEAM_A, leaving.signal))
  const second = await get('', TEAM_A)
  t.match([second.status, second.headers.get('retry-after')], [503, '10'], 'the last half is for those that have none')
  t.same(
    (await lines('', TEAM_B)).map((one) => one.id),
    [id],
  )
  t.same(
    held.map(({ status }) => status),
    [200, 200, 200],
  )
  leaving.abort()
})

t.test('an export whose client takes nothing ends', async (t) => {
  const { port, get, fill } = await exporting(t, { EXPORTS_TENANT_MAX: '1', EXPORT_STALL_S: '1' })
  await fill()
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  const fields = Object.entries(DEFAULT_KEY).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET /export HTTP/1.1\r\nhost: localhost\r\n${fields.join('')}\r\n`)
  socket.pause()
  await until('that it is under way', async () => (await get('?to=1')).status === 429)
  await until('its end', async () => (await get('?to=1')).status === 200)
})

t.test('an export whose client takes it slowly ends, also when it never stops to', async (t) => {
  const env = { EXPORTS_TENANT_MAX: '1', EXPORT_STALL_S: '1', EXPORT_RATE_MIN_BYTES: '100000000' }
  const { port, get, fill } = await exporting(t, env)
  await fill()
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  const fields = Object.entries(DEFAULT_KEY).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET /export HTTP/1.1\r\nhost: localhost\r\n${fields.join('')}\r\n`)
  let tail = ''
  // A pace at which the whole takes several seconds.
  const timer = setInterval(() => {
    const taken = socket.read(262_144) ?? (socket.read() as Buffer | null)
    if (taken !== null) tail = (tail + String(taken)).slice(-64)
  }, 100)
  t.teardown(() => {
    clearInterval(timer)
    socket.destroy()
  })
  await until('that it is under way', async () => (await get('?to=1')).status === 429)
  await until('its end', async () => (await get('?to=1')).status === 200)
  await until('its last byte', () => socket.readableEnded || socket.destroyed)
  t.notMatch(tail, /\r\n0\r\n\r\n$/, 'and is not taken for the whole')
})

t.test('a failure in the middle breaks the connection: nobody takes a part for the whole', async (t) => {
  const { stores, get, ingestAt } = await exporting(t, { EXPORTS_TENANT_MAX: '1', EXPORT_PAGE: '2' })
  for (let i = 0; i < 9; i++) await ingestAt(DAY + i, { status: {}, notes: [`${i}`] })
  const { scan } = stores.reports
  let pages = 0
  stores.reports.scan = (...args) => {
    pages += 1
    if (pages % 3 === 0) throw new Error('disk I/O error')
    return scan(...args)
  }
  for (const format of ['ndjson', 'zip']) {
    const answer = await get(`?format=${format}`)
    t.equal(answer.status, 200)
    await t.rejects(answer.arrayBuffer(), { message: 'terminated' }, format)
  }
  stores.reports.scan = scan
  t.equal((await get()).status, 200, 'and it holds no place any more')
})

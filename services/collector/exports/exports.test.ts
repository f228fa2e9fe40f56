import { createPublicKey, hash, verify } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { collector, judged } from '../test/collector.ts'
import { bundleOf } from './bundle.ts'
import { signing, unzip, type Signed } from './test/signing.ts'

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
  t.equal(answer.headers.get('content-length'), String(zip.length))
  t.equal(answer.headers.get('content-disposition'), `attachment; filename="${id}.zip"`)
  t.equal(answer.headers.get('cache-control'), 'private, no-store')

  const files = await unzip(zip)
  const names = ['qc_report.json', 'qc_report.md', 'bundle_meta.json', 'checksums.txt', 'checksums.txt.sig']
  t.same(Object.keys(files), names)
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
  t.match(meta, { reportId: id, totalFiles: 5, estimatedZipSize: zip.length })
  t.equal(
    meta.totalSize,
    described.reduce((sum, { size }) => sum + size, 0),
  )
  t.type(meta.createdAt, 'number')
  t.type(meta.updatedAt, 'number')
  const sums = described.slice(0, 3).map(({ name, checksum }) => `${checksum}  ${name}\n`)
  t.equal(String(files['checksums.txt']), sums.join(''))
})

t.test('the signature is of the checksums, by a key that anybody can have', async (t) => {
  const { app, ingest, sign, open } = await signing(t)
  const { rawPayload } = await open((await sign(await ingest())).bundleUrl)
  const files = await unzip(rawPayload)
  const { keyId } = JSON.parse(String(files['bundle_meta.json'])) as { keyId: string }
  const { keys } = (await app.inject('/bundle-keys')).json<{ keys: { kid: string }[] }>()
  const jwk = keys.find(({ kid }) => kid === keyId)
  t.match(jwk, { kty: 'OKP', crv: 'Ed25519', use: 'sig' })
  const key = createPublicKey({ key: jwk as never, format: 'jwk' })
  t.ok(verify(null, files['checksums.txt'] as Buffer, key, files['checksums.txt.sig'] as Buffer))
})

t.test('unzip, sha256sum and openssl, where there are any, find the bundle whole', async (t) => {
  const { app, ask, ingest, sign } = await signing(t)
  const { bundleUrl } = await sign(await ingest({ status: { api: 'pass' }, markdown: '# 보고서' }))
  const cwd = t.testdir({})
  writeFileSync(path.join(cwd, 'bundle.zip'), (await ask(bundleUrl)).rawPayload)
  const run = (command: string, ...args: string[]) => spawnSync(command, args, { encoding: 'utf8', cwd })
  if (!existsSync('/usr/bin/unzip')) return t.pass('there is no unzip here')
  const tested = run('unzip', '-t', 'bundle.zip')
  t.match([tested.status, tested.stdout], [0, /No errors detected/])
  run('unzip', 'bundle.zip')
  t.equal(run('sha256sum', '-c', 'checksums.txt').status, 0)
  const { keys } = (await app.inject('/bundle-keys')).json<{ keys: { kid: string }[] }>()
  const pem = await app.inject(`/bundle-keys/${keys[0]?.kid}`)
  t.equal(pem.headers['content-type'], 'application/x-pem-file')
  writeFileSync(path.join(cwd, 'key.pem'), pem.body)
  if (!existsSync('/usr/bin/openssl')) return t.pass('there is no openssl here')
  const signed = ['-rawin', '-in', 'checksums.txt', '-sigfile', 'checksums.txt.sig']
  const openssl = () => run('openssl', 'pkeyutl', '-verify', '-pubin', '-inkey', 'key.pem', ...signed)
  t.match([openssl().status, openssl().stdout], [0, /Verified Successfully/])
  writeFileSync(path.join(cwd, 'checksums.txt'), 'other')
  t.not(openssl().status, 0)
})

t.test('the markdown that was sent is in the bundle as it came, in whatever language', async (t) => {
  const { ask, ingest, sign } = await signing(t)
  const { bundleUrl } = await sign(await ingest({ status: {}, markdown: '# 직접 쓴 보고서\n\n| <b> |' }))
  const { rawPayload } = await ask(bundleUrl)
  const files = await unzip(rawPayload)
  t.equal(String(files['qc_report.md']), '# 직접 쓴 보고서\n\n| <b> |')
  t.ok(rawPayload.equals((await ask(`${bundleUrl}&lang=ko`)).rawPayload))
})

t.test('a page that is made is in the language of the address, whatever the browser speaks', async (t) => {
  const { ask, ingest, sign } = await signing(t)
  const id = await ingest()
  const { bundleUrl } = await sign(id)
  const get = async (query: string, accept: string) =>
    (await ask(bundleUrl + query, { headers: { 'accept-language': accept } })).rawPayload
  const [korean, english] = [await get('&lang=ko', 'en'), await get('', 'ko')]
  t.match(String((await unzip(korean))['qc_report.md']), `# 품질 보고서 ${id}\n\n## 상태`)
  t.match(String((await unzip(english))['qc_report.md']), `# Quality report ${id}\n\n## Status`)
  t.ok(english.equals(await get('&lang=en', 'de')))
  t.equal((await ask(`${bundleUrl}&lang=fr`)).statusCode, 400)
  const meta = async (query: string) =>
    (await ask(`/reports/${id}/bundle-meta${query}`)).json<{ estimatedZipSize: number }>().estimatedZipSize
  t.same([await meta(''), await meta('?lang=ko')], [english.length, korean.length])
})

t.test('the same report gives the same bytes, also after a restart and a change of the key', async (t) => {
  const first = await signing(t)
  const id = await first.ingest(judged('warn'))
  const before = await first.open((await first.sign(id)).bundleUrl)
  t.ok(before.rawPayload.equals((await first.open((await first.sign(id)).bundleUrl)).rawPayload))
  await first.close()

  const { ask, ingestAt, close } = await collector(t, { DATA_DIR: first.dataDir })
  t.teardown(close)
  const bytes = async (report: string) => {
    const { bundleUrl } = (await ask(`/reports/${report}/sign`, { method: 'POST' })).json<Signed>()
    return (await ask(bundleUrl)).rawPayload
  }
  t.ok(before.rawPayload.equals(await bytes(id)))
  t.equal((await ask('/bundle-keys/rotate', { method: 'POST' })).statusCode, 200)
  t.ok(before.rawPayload.equals(await bytes(id)), 'a report keeps the key of its time')
  const after = await unzip(await bytes(await ingestAt(Date.now() + 1000)))
  const keyOf = (file: Buffer | undefined) => (JSON.parse(String(file)) as { keyId: string }).keyId
  t.not(keyOf(after['bundle_meta.json']), keyOf((await unzip(before.rawPayload))['bundle_meta.json']))
})

t.test('the bytes do not depend on the time zone', async (t) => {
  const createdAt = Date.UTC(2026, 10, 21, 15, 30, 20)
  const report = { id: 'r', tenantId: 't', createdAt, updatedAt: createdAt, severity: null, policyVersion: null }
  const signer = { keyId: 'k', sign: () => Buffer.alloc(64) }
  const zone = process.env.TZ
  t.teardown(() => (zone === undefined ? delete process.env.TZ : (process.env.TZ = zone)))
  const zips = ['UTC', 'Asia/Seoul', 'America/New_York'].map((name) => {
    process.env.TZ = name
    const stored = { ...report, markdown: null, errors: null, report: '{"status":{}}' }
    return Buffer.concat(bundleOf(stored, 'ko', signer).zip).toString('base64')
  })
  t.equal(new Set(zips).size, 1)
})

import { generateKeyPairSync, sign as signWith, type KeyObject } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { bundleOf, checksumsOf, file } from '../bundle.ts'
import { signing, unzip } from '../test/signing.ts'
import { ON_POSTGRES } from '../../test/postgres.ts'
import { zipParts, type NamedContent } from '../zip/write.ts'
import { keyIdOf, keysIn } from './keys.ts'
import { verifyBundle } from './verify.ts'

const ROOT = path.join(import.meta.dirname, '../../../..')
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const keyId = keyIdOf(publicKey)
const createdAt = Date.UTC(2026, 10, 21)
const report = {
  id: 'report-1-abc',
  tenantId: 'default',
  createdAt,
  updatedAt: createdAt,
  severity: null,
  policyVersion: null,
  markdown: null,
  errors: null,
  report: '{"status":{"api":"pass"}}',
}
const sign = (text: Buffer) => signWith(null, text, privateKey)
const { files, zip } = bundleOf(report, 'ko', { keyId, sign })
const good = Buffer.concat(zip)

function faultsOf(t: Test, bytes: Buffer, keys: readonly KeyObject[] = [publicKey]): string[] {
  const name = path.join(t.testdir({}), 'bundle.zip')
  writeFileSync(name, bytes)
  return verifyBundle(name, keys).faults
}

/** A zip as ours of other files. */
const zipped = (contents: readonly NamedContent[]) => Buffer.concat(zipParts(contents, createdAt))
/** The files, one of them changed. */
const changed = (name: string, content: Buffer) =>
  zipped(files.map((one) => (one.name === name ? { name, content } : one)))

t.test('a bundle is good with the key that signed it', async (t) => {
  t.same(faultsOf(t, good), [])
  const other = generateKeyPairSync('ed25519').publicKey
  t.same(faultsOf(t, good, [other, publicKey]), [])
  t.match(faultsOf(t, good, [other]), [/none of the given ones/])
})

t.test('whatever byte of it is changed, it is refused', async (t) => {
  const name = path.join(t.testdir({}), 'bundle.zip')
  for (let at = 0; at < good.length; at++) {
    const bytes = Buffer.from(good)
    bytes[at] = (bytes[at] as number) ^ 0x20
    writeFileSync(name, bytes)
    if (verifyBundle(name, [publicKey]).faults.length === 0) t.fail(`byte ${at}`)
  }
  t.pass(`${good.length} bytes`)
})

t.test('a changed, added, missing or doubled file is named', async (t) => {
  t.match(faultsOf(t, changed('qc_report.json', Buffer.from('{}'))), [/qc_report.json was changed/])
  t.match(faultsOf(t, changed('checksums.txt', Buffer.from('x\n'))), [/no list of files/, /signature is not that/])
  t.match(faultsOf(t, changed('checksums.txt.sig', Buffer.alloc(64))), [/signature is not that of the key/])
  t.match(faultsOf(t, changed('checksums.txt.sig', Buffer.alloc(3))), [/signature is not that of the key/])
  t.match(faultsOf(t, zipped(files.slice(1))), [/qc_report.json is missing/])
  t.match(faultsOf(t, zipped(files.slice(0, 4))), [/signature, checksums.txt.sig, is missing/])
  t.match(faultsOf(t, zipped(files.slice(0, 3))), [/checksums.txt is missing/])
  const extra = { name: 'extra.txt', content: Buffer.from('x') }
  t.match(faultsOf(t, zipped([extra, ...files])), [/extra.txt is not in checksums.txt/])
  t.match(faultsOf(t, zipped([...files.slice(0, 4), extra, ...files.slice(4)])), [
    /extra.txt comes after checksums.txt/,
  ])
  t.match(faultsOf(t, zipped([...files, extra])), [/extra.txt comes after the signature/])
  t.match(faultsOf(t, zipped([...files.slice(0, 1), ...files])), [/qc_report.json is there twice/])
})

t.test('in an export nothing hides in a folder, and no folder is without its list', async (t) => {
  const inFolder = [file('a.json', Buffer.from('{}')), file('b.json', Buffer.from('[]'))]
  const list = file('checksums.txt', checksumsOf(inFolder))
  const meta = file(
    'export_meta.json',
    Buffer.from(JSON.stringify({ format: 'najimban-export/1', keyId, to: createdAt })),
  )
  const sums = checksumsOf([{ name: '00001/checksums.txt', checksum: list.checksum }, meta])
  const end = [meta, { name: 'checksums.txt', content: sums }, { name: 'checksums.txt.sig', content: sign(sums) }]
  const at = (folder: string, files: readonly NamedContent[]) =>
    files.map(({ name, content }) => ({ name: `${folder}/${name}`, content }))
  const faults = (...contents: NamedContent[]) => faultsOf(t, zipped([...contents, ...end]))
  const whole = at('00001', [...inFolder, list])
  const empty = { name: 'checksums.txt', content: Buffer.alloc(0) }
  const extra = { name: 'c.json', content: Buffer.from('1') }
  t.same(faults(...whole), [])
  t.match(faults(...at('00001', [empty]), ...whole), [/00001\/a.json comes after 00001\/checksums.txt/])
  t.match(faults(...whole, ...at('00001', [empty])), [/00001\/checksums.txt comes after/])
  t.match(faults(...whole, ...at('00001', [extra])), [/00001\/c.json comes after/])
  t.match(faults(...at('00001', [extra]), ...whole), [/00001\/c.json is not in 00001\/checksums.txt/])
  t.match(faults(...whole.slice(1)), [/00001\/a.json is missing/])
  t.match(faults(...whole, ...at('00002', [extra])), [/the folder 00002 has no checksums.txt/])
  t.match(faults(...whole, ...at('00002', [empty])), [/00002\/checksums.txt is not in checksums.txt/])
  t.match(faults(...at('00002', [extra]), ...whole), [
    /the folder 00002 has no checksums.txt/,
    /00001 is not in its place/,
  ])
  t.match(faults(), [/00001\/checksums.txt is missing/])
  const many = Array.from({ length: 150 }, (_, i) => ({ name: `f${i}`, content: Buffer.alloc(0) }))
  t.equal(faults(...many, ...whole).length, 101)
})

t.test('names that lead elsewhere are refused, however they are signed', async (t) => {
  for (const name of [
    '../x',
    '/etc/passwd',
    'a/../../x',
    'C:\\x',
    '..',
    '.hidden',
    'a b',
    '1/x',
    'x\u0000',
    '00001/..',
  ]) {
    const listed = [...files.slice(0, 3), file(name, Buffer.from('x'))]
    const sums = checksumsOf(listed)
    const all = [
      ...listed,
      { name: 'checksums.txt', content: sums },
      { name: 'checksums.txt.sig', content: sign(sums) },
    ]
    t.match(faultsOf(t, zipped(all)), [/is no name of a file in a bundle/], name)
  }
})

t.test('what is signed is still no bundle when it does not say so, or not of that time', async (t) => {
  const signed = (meta: string) => {
    const listed = [file('bundle_meta.json', Buffer.from(meta))]
    const sums = checksumsOf(listed)
    return zipped([
      ...listed,
      { name: 'checksums.txt', content: sums },
      { name: 'checksums.txt.sig', content: sign(sums) },
    ])
  }
  t.match(faultsOf(t, signed('{')), [/what kind of bundle/, /the key undefined/])
  t.match(faultsOf(t, signed(`{"keyId":"${keyId}"}`)), [/what kind of bundle/])
  const meta = { format: 'najimban-bundle/1', keyId, createdAt: createdAt + 10_000 }
  t.match(faultsOf(t, signed(JSON.stringify(meta))), [/time of the files is not that of the bundle/])
  t.same(faultsOf(t, signed(JSON.stringify({ ...meta, createdAt }))), [])
})

t.test('keys are read from PEM, JWK and JWKS, and others are passed over', async (t) => {
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  const jwk = publicKey.export({ format: 'jwk' })
  for (const text of [
    pem,
    `${rsa.export({ type: 'spki', format: 'pem' }).toString()}\n${pem}`,
    JSON.stringify(jwk),
    JSON.stringify({ keys: [rsa.export({ format: 'jwk' }), jwk] }),
  ]) {
    t.same(keysIn(text).map(keyIdOf), [keyId])
  }
  for (const text of ['', '{}', 'x', '{"keys":[]}', JSON.stringify(rsa.export({ format: 'jwk' }))]) {
    t.throws(() => keysIn(text), Error, text)
  }
})

t.test('the command says what it found, for people and for programs', async (t) => {
  const { app, ingest, sign: signLink, dataDir, close } = await signing(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const base = `http://127.0.0.1:${(app.server.address() as { port: number }).port}`
  const id = await ingest({ status: { api: 'pass' }, notes: ['한글'] })
  const cwd = t.testdir({})
  const download = async (url: string, name: string) =>
    writeFileSync(path.join(cwd, name), Buffer.from(await (await fetch(base + url)).arrayBuffer()))
  await download((await signLink(id)).url, 'bundle.zip')
  await download('/bundle-keys', 'keys.json')
  await close()
  const run = (args: string[], env: Record<string, string> = {}) => {
    const command = [path.join(ROOT, 'scripts/verify-bundle.ts'), ...args]
    const { status, stdout, stderr } = spawnSync(process.execPath, command, {
      cwd,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, DATA_DIR: path.join(cwd, 'none'), ...env },
    })
    return { status, stdout, stderr }
  }
  t.match(run(['bundle.zip', '--key', 'keys.json']), { status: 0, stdout: new RegExp(`good\n.*the bundle of ${id}`) })
  if (!ON_POSTGRES)
    t.match(run(['bundle.zip'], { DATA_DIR: dataDir }), { status: 0, stdout: /5 files, each as listed/ })
  const inJson = run(['bundle.zip', '--key', 'keys.json', '--json'])
  t.match(JSON.parse(inJson.stdout), { valid: true, faults: [], reportId: id, tenantId: 'default', count: 5 })

  writeFileSync(path.join(cwd, 'changed.zip'), changed('qc_report.md', Buffer.from('\u001b[2J')))
  const bad = run(['changed.zip', '--key', 'keys.json'])
  t.match(bad, { status: 1, stdout: /NOT as the collector made it\n {2}- qc_report.md was changed/ })
  t.match(JSON.parse(run(['changed.zip', '--key', 'keys.json', '--json']).stdout), {
    valid: false,
    faults: { length: 2 },
  })
  writeFileSync(path.join(cwd, 'empty.zip'), '')
  t.equal(run(['empty.zip', '--key', 'keys.json']).status, 1)

  t.match(run(['none.zip', '--key', 'keys.json']), { status: 2, stderr: /none.zip could not be read/ })
  t.match(run(['.', '--key', 'keys.json']), { status: 2, stderr: /could not be read/ })
  t.match(run(['bundle.zip', '--key', 'none.json']), { status: 2, stderr: /no public key in none.json/ })
  t.match(run(['bundle.zip']), { status: 2, stderr: /give --key, or set DATA_DIR/ })
  const moved = { DATA_DIR: dataDir, COLLECTOR_DATABASE_URL: 'postgres://u:secret@127.0.0.1/najimban' }
  const refused = run(['bundle.zip'], moved)
  t.match(
    refused,
    { status: 2, stdout: '', stderr: /--key is needed.*bundle-keys > keys\.json/ },
    'old keys do not count',
  )
  t.notMatch(refused.stderr, 'secret')
  t.equal(run(['bundle.zip', '--key', 'keys.json'], moved).status, 0)
  t.match(run(['bundle.zip'], { DATA_DIR: dataDir, LOG_LEVEL: 'loud' }), { status: 2, stderr: /LOG_LEVEL/ })
  t.match(run([]), { status: 2, stderr: /Usage/ })
  t.match(run(['bundle.zip', '--what']), { status: 2, stderr: /Usage/ })
  t.match(run(['--help']), { status: 0, stdout: /Exit codes/ })
  t.same(Object.keys(await unzip(good)).length, 5)
})

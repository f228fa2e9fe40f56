import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import { judged } from '../../test/collector.ts'
import { linesOf, retaining } from '../test/retaining.ts'
import { archiveRoot, sweepUnfinished, tenantFolder } from './files.ts'
import { manifestFile, readManifest, type Manifest } from './manifest.ts'
import { readArchive } from './read.ts'
import { writeArchive } from './write.ts'

const at = (text: string) => Date.parse(text)

t.test('an archive has the whole of each report, a month in each file, and a manifest with its hashes', async (t) => {
  const { ingestAt, run, archives } = await retaining(t)
  const policy = { policy_version: 'v7', ...judged('warn', 'block').policy }
  const whole = { status: { api: 'pass' }, policy, labels: { decision: 'go' }, notes: ['한글 "quoted"\n'] }
  const first = await ingestAt(at('2026-08-31T23:59:59.999Z'), { ...whole, markdown: '# 결과' })
  const second = await ingestAt(at('2026-09-01T00:00:00Z'), { status: {}, policy: 'not a policy' })
  const third = await ingestAt(at('2026-09-02T00:00:00Z'))
  const answer = (await run()).json<{ files: string[]; reportBytes: number; archiveBytes: number }>()
  t.equal(archives().length, 2)
  t.same(
    answer.files.map((name) => path.basename(name).slice(0, 8)),
    ['2026-08-', '2026-09-'],
  )
  t.same(
    archives(),
    answer.files.map((name) => path.join(path.dirname(path.dirname(archives()[0] as string)), name)),
  )
  const lines = (await Promise.all(archives().map(linesOf))).flat().map((line) => JSON.parse(line) as object)
  t.match(lines, [
    {
      id: first,
      createdAt: at('2026-08-31T23:59:59.999Z'),
      updatedAt: at('2026-08-31T23:59:59.999Z'),
      severity: 'block',
      policyVersion: 'v7',
      labels: { decision: 'go' },
      state: 'stored',
      markdown: '# 결과',
      report: whole,
    },
    { id: second, state: 'quarantined', errors: [{ field: 'policy' }], report: { policy: 'not a policy' } },
    { id: third, state: 'stored' },
  ])
  const [manifest] = await Promise.all(archives().map(readManifest))
  t.match(manifest, { tenantId: 'default', reports: 1, oldest: at('2026-08-31T23:59:59.999Z') })
  t.equal(statSync(archives()[0] as string).size, manifest?.bytes)
  t.equal(statSync(archives()[0] as string).mode & 0o077, 0, 'nobody else reads it')
})

t.test('an archive ends at its size, and the next one goes on', async (t) => {
  const { ingestAt, run, archives } = await retaining(t, { RETENTION_ARCHIVE_MAX_BYTES: '1024' })
  for (let n = 0; n < 10; n++) await ingestAt(1000, { status: {}, raw: 'x'.repeat(400) })
  t.match((await run()).json(), { archived: 10, deleted: 10 })
  const counts = await Promise.all(archives().map(async (file) => (await readManifest(file)).reports))
  t.same(counts, [2, 2, 2, 2, 2])
})

t.test('every tenant has a folder of its own that is safe on any disk', async (t) => {
  const names = ['default', 'Default', '..', '.', 'a/b', 'a\\b', 'CON', '한글', 'x'.repeat(300), 'a b', 'a.b', '']
  const folders = names.map((name) => tenantFolder(asTenant(name)))
  t.equal(new Set(folders.map((one) => one.toLowerCase())).size, names.length)
  t.ok(folders.every((one) => /^[\da-z-]{1,60}$/.test(one)))
  t.equal(tenantFolder(asTenant('team.A')), tenantFolder(asTenant('team.A')))
})

t.test('unfinished files of a process that was killed go at the next start, and nothing else', async (t) => {
  const { dataDir, run, ingestAt, archives, close } = await retaining(t)
  await ingestAt(1000)
  await run()
  const folder = path.dirname(archives()[0] as string)
  writeFileSync(path.join(folder, 'x.ndjson.gz.tmp'), '')
  writeFileSync(path.join(folder, 'x.manifest.json.tmp'), '')
  writeFileSync(path.join(folder, 'early.ndjson.gz.tmp'), '')
  writeFileSync(path.join(folder, 'early.manifest.json'), '{}')
  writeFileSync(path.join(folder, 'of-one-taken-elsewhere.manifest.json'), '{}')
  mkdirSync(path.join(archiveRoot(dataDir), 'empty'))
  await close()
  t.equal(sweepUnfinished(archiveRoot(dataDir), 60_000), 0, 'what is young may be of another replica')
  t.equal(sweepUnfinished(archiveRoot(dataDir), 0), 4)
  t.equal(readdirSync(folder).length, 3)
  t.equal(sweepUnfinished(path.join(dataDir, 'nowhere'), 0), 0)
})

t.test('an archive that does not get its name leaves nothing, nor a manifest', async (t) => {
  const { dataDir, ingestAt, stores, signer } = await retaining(t)
  await ingestAt(at('2026-09-02T00:00:00Z'))
  const folder = path.join(dataDir, 'own')
  // A name that is taken by a folder.
  mkdirSync(path.join(folder, '2026-09-label.ndjson.gz', 'taken'), { recursive: true })
  const written = writeArchive([-1, -1], {
    tenantId: asTenant('default'),
    folder,
    label: 'label',
    now: Date.now(),
    maxBytes: 1024,
    page: async (after) => stores.retention.old(asTenant('default'), Date.now(), after, 10, 1024),
    signer,
    signal: new AbortController().signal,
  })
  await t.rejects(written, { code: /^E/ })
  t.same(readdirSync(folder), ['2026-09-label.ndjson.gz'])
})

t.test('what is not as the manifest says is refused', async (t) => {
  const { ingestAt, run, archives } = await retaining(t)
  for (let n = 0; n < 3; n++) await ingestAt(1000 + n)
  await run()
  const file = archives()[0] as string
  const [bytes, manifest] = [readFileSync(file), await readManifest(file)]
  const read = async (content: Buffer, said: Partial<Manifest> = {}) => {
    writeFileSync(file, content)
    let lines = 0
    for await (const page of readArchive(file, { ...manifest, ...said }, 100)) lines += page.length
    return lines
  }
  const flipped = (place: number) => {
    const copy = Buffer.from(bytes)
    copy[place] = (copy[place] as number) ^ 1
    return copy
  }
  t.equal(await read(bytes), 3)
  const refused = (content: Buffer, message: RegExp, said?: Partial<Manifest>) =>
    t.rejects(read(content, said), { name: 'DamagedArchive', message })
  for (let place = 0; place < bytes.length; place++) await refused(flipped(place), /./)
  await refused(bytes.subarray(0, -1), /bytes/)
  await refused(bytes.subarray(0, -1), /unpacked/, { bytes: bytes.length - 1 })
  const other = (text: string) => gzipSync(text)
  const forged = other('{"id":"report-1-abcdefghi"}\n{}\n{}\n')
  await refused(forged, /content/, { bytes: forged.length, contentBytes: 1000 })
  await refused(forged, /bytes are not/, {
    bytes: forged.length,
    contentSha256: await hashOf(forged),
    contentBytes: 1000,
  })
  await refused(bytes, /2/, { reports: 2 })
  await refused(bytes, /more than/, { contentBytes: 10 })
  const endless = other('{}')
  await refused(endless, /no end/, { bytes: endless.length })
  await refused(bytes, /manifest is that of/, { file: 'other.ndjson.gz' })
})

async function hashOf(packed: Buffer): Promise<string> {
  const [{ gunzipSync }, { hash }] = await Promise.all([import('node:zlib'), import('node:crypto')])
  return hash('sha256', gunzipSync(packed))
}

t.test('a manifest must be there and be one', async (t) => {
  const folder = t.testdir({ 'a.manifest.json': '{', 'b.manifest.json': '{"format":"other"}' })
  const refused = (name: string, message: RegExp) =>
    t.rejects(readManifest(path.join(folder, name)), { name: 'DamagedArchive', message })
  await refused('none.ndjson.gz', /cannot be read/)
  await refused('a.ndjson.gz', /not JSON/)
  await refused('b.ndjson.gz', /its manifest: "format"/)
  t.throws(() => manifestFile('report.json'), { name: 'DamagedArchive' })
})

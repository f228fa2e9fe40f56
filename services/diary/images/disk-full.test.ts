import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { until } from '#shared/test/until.ts'
import { dataUrl, diary, jpeg, PNG, post, storedFiles, upload, written, type Entry } from '../test/diary.ts'
import { storageFault } from './files.ts'

const DISK_BYTES = 2 * 1024 * 1024

const dataDir = mkdtempSync(path.join(tmpdir(), 'najimban-diary-'))
const disk = path.join(dataDir, 'diary-images')
mkdirSync(disk)
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', disk]).status === 0
t.teardown(() => {
  if (mounted) spawnSync('umount', ['-l', disk])
  rmSync(dataDir, { recursive: true, force: true })
})
const skip = mounted ? false : 'mounting a small tmpfs is not permitted here'

t.test('an image that does not fit on the disk is 507 and leaves nothing; smaller ones go on', { skip }, async (t) => {
  const { app } = await diary(t, { DATA_DIR: dataDir })
  const { id } = await written(app)
  const large = jpeg(DISK_BYTES + 1)
  const form = await upload(app, id, [
    { name: 'file', bytes: PNG, filename: 'a' },
    { name: 'file', bytes: large, filename: 'b' },
  ])
  t.equal(form.statusCode, 507)
  t.match(form.json(), { type: 'urn:najimban:problem:storage-full' })
  const json = await post(app, { date: '2026-11-15', content: 'a', images: [dataUrl(PNG), dataUrl(large)] })
  t.equal(json.statusCode, 507)
  await until('nothing to be left', async () => (await storedFiles(dataDir)).size === 0)
  const { images } = await written(app, { date: '2026-11-15', images: [dataUrl(jpeg(100_000))] })
  t.equal((await app.inject({ url: images[0] as string })).statusCode, 200)
  const left = await app.inject({ url: `/api/diaries/${id}`, headers: { 'x-user-id': 'anna' } })
  t.same(left.json<Entry>().images, [])
})

t.test('a quota is a full disk, another fault is not', async (t) => {
  t.match(storageFault(Object.assign(new Error('quota'), { code: 'EDQUOT' })), { statusCode: 507 })
  const other = Object.assign(new Error('io'), { code: 'EIO' })
  t.equal(storageFault(other), other)
})

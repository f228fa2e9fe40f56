import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { SQLITE_ONLY } from '../test/collector.ts'
import { archiveRoot } from './archive/files.ts'
import { retaining } from './test/retaining.ts'

const DISK_BYTES = 8 * 1024 * 1024
const REPORTS = 20

/** A small disk of its own; undefined where that is not permitted. */
function smallDisk(t: Test): string | undefined {
  const disk = mkdtempSync(path.join(tmpdir(), 'najimban-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', disk]).status === 0
  t.teardown(() => {
    if (mounted) spawnSync('umount', ['-l', disk])
    rmSync(disk, { recursive: true, force: true })
  })
  if (!mounted) t.pass('mounting a small tmpfs is not permitted here')
  return mounted ? disk : undefined
}

/** Fills a disk but for so many blocks; @returns with what */
function fillUp(disk: string, left: number): string {
  const fill = path.join(disk, 'fill')
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(fill, Buffer.alloc((bavail - left) * bsize))
  return fill
}

/** Random text: it does not pack well. */
const dense = () => ({ status: {}, raw: Array.from({ length: 2000 }, () => Math.random().toString(36)).join('') })

t.test('without room for the archive a run is 507, deletes nothing, leaves nothing, and can be repeated', async (t) => {
  const disk = smallDisk(t)
  if (disk === undefined) return
  const { ask, run, ingestOld, config, archived } = await retaining(t)
  for (let n = 0; n < REPORTS; n++) await ingestOld(40, dense())
  const root = archiveRoot(config.DATA_DIR)
  mkdirSync(path.dirname(root), { recursive: true })
  // Only the archives are on the full disk: the database is not.
  symlinkSync(disk, root)
  const fill = fillUp(disk, 10)

  const refused = await run()
  t.equal(refused.statusCode, 507)
  t.match(refused.json(), {
    message: /^The disk is full; no report was deleted/,
    run: { state: 'failed', deleted: 0 },
  })
  t.match((await ask('/reports')).json(), { pagination: { totalCount: REPORTS } })
  const [folder] = readdirSync(disk).filter((name) => name !== 'fill')
  t.same(folder === undefined ? [] : readdirSync(path.join(disk, folder)), [], 'nothing unfinished is left')
  t.match((await ask('/admin/retention/runs')).json(), { runs: [{ state: 'failed', error: /full/ }] })
  t.match((await ask('/metrics')).body, 'collector_retention_runs_total{state="failed"} 1')

  rmSync(fill)
  t.match((await run()).json(), { deleted: REPORTS, archived: REPORTS })
  t.equal((await archived()).size, REPORTS)
})

t.test('on a full disk that has the database, too, a run is 507 until there is room again', SQLITE_ONLY, async (t) => {
  const disk = smallDisk(t)
  if (disk === undefined) return
  const { ask, run, ingestOld, archived } = await retaining(t, { DATA_DIR: path.join(disk, 'data') })
  for (let n = 0; n < REPORTS; n++) await ingestOld(40, dense())
  for (const left of [30, 0]) {
    const fill = fillUp(disk, left)
    t.equal((await run()).statusCode, 507, `${left} blocks are left`)
    t.match((await ask('/reports')).json(), { pagination: { totalCount: REPORTS } })
    rmSync(fill)
  }
  t.match((await run()).json(), { deleted: REPORTS, archived: REPORTS })
  t.equal((await archived()).size, REPORTS)
})

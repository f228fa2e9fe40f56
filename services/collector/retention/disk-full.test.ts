import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { archiveRoot } from './archive/files.ts'
import { retaining } from './test/retaining.ts'

const DISK_BYTES = 8 * 1024 * 1024

const disk = mkdtempSync(path.join(tmpdir(), 'najimban-disk-'))
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', disk]).status === 0
t.teardown(() => {
  if (mounted) spawnSync('umount', ['-l', disk])
  rmSync(disk, { recursive: true, force: true })
})
const skip = mounted ? false : 'mounting a small tmpfs is not permitted here'

t.test(
  'without room for the archive a run is 507, deletes nothing, leaves nothing, and can be repeated',
  { skip },
  async (t) => {
    const { ask, run, ingestOld, dataDir, config, archived } = await retaining(t)
    const REPORTS = 20
    for (let n = 0; n < REPORTS; n++) {
      // Random text: it does not pack.
      await ingestOld(40, { status: {}, raw: Array.from({ length: 2000 }, () => Math.random().toString(36)).join('') })
    }
    const root = archiveRoot(config.DATA_DIR)
    mkdirSync(path.dirname(root), { recursive: true })
    // Only the archives are on the full disk: the database is not.
    spawnSync('ln', ['-s', disk, root])
    const fill = path.join(disk, 'fill')
    const { bavail, bsize } = statfsSync(disk)
    writeFileSync(fill, Buffer.alloc((bavail - 10) * bsize))

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
    t.ok(dataDir)
  },
)

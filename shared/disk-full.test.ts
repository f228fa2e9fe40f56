import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { commonSettings, type CommonConfig } from './config.ts'
import { openDatabase } from './database.ts'
import { createServer } from './server.ts'
import type { Deps } from './start.ts'
import { testService } from './test/service.ts'
import { createWrites, IDEMPOTENCY_TABLE } from './writes.ts'

const DISK_BYTES = 4 * 1024 * 1024

function build(config: CommonConfig, deps: Deps) {
  const db = deps.database as NonNullable<typeof deps.database>
  const writes = createWrites(db, config, deps)
  const app = createServer({ config, ...deps })
  const insert = db.prepare('INSERT INTO notes VALUES (?)')
  app.post('/notes', (request, reply) =>
    writes.answer(request, reply, 'me', () => {
      insert.run((request.body as { text: string }).text)
      return { status: 201, body: {} }
    }),
  )
  app.get('/notes', () => ({ count: db.prepare('SELECT count(*) FROM notes').pluck().get() }))
  return { app, close: writes.stop }
}

const disk = mkdtempSync(path.join(tmpdir(), 'najimban-disk-'))
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', disk]).status === 0
t.teardown(() => {
  if (mounted) spawnSync('umount', ['-l', disk])
  rmSync(disk, { recursive: true, force: true })
})
const skip = mounted ? false : 'mounting a small tmpfs is not permitted here'

t.test('on a full disk writes are 507, reads go on, and it recovers by itself', { skip }, async (t) => {
  const { app } = await testService(
    t,
    {
      name: 'calendar',
      settings: commonSettings,
      openDatabase: (config) =>
        openDatabase({
          file: `${config.DATA_DIR}/notes.db`,
          applicationId: 1,
          migrations: [IDEMPOTENCY_TABLE, 'CREATE TABLE notes (text TEXT)'],
        }),
      build,
    },
    { DATA_DIR: disk },
  )
  const post = (key?: string) =>
    app.inject({
      method: 'POST',
      url: '/notes',
      payload: { text: 'x'.repeat(20_000) },
      headers: key === undefined ? {} : { 'idempotency-key': key },
    })
  const count = async () => (await app.inject('/notes')).json<{ count: number }>().count

  let acknowledged = 0
  const fill = path.join(disk, 'fill')
  t.equal((await post()).statusCode, 201)
  acknowledged++
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(fill, Buffer.alloc(bavail * bsize))
  const refused = await post('k')
  t.equal(refused.statusCode, 507)
  t.match(refused.json(), { status: 507, message: /disk is full; nothing was changed/ })
  const together = await Promise.all([post(), post(), post()])
  t.same(
    together.map(({ statusCode }) => statusCode),
    [507, 507, 507],
  )
  t.equal(await count(), acknowledged, 'reads go on, and nothing that was refused is there')
  t.equal((await app.inject('/health/ready')).statusCode, 200)

  rmSync(fill)
  t.equal((await post('k')).statusCode, 201, 'the refused one can be sent again under its key')
  acknowledged++
  t.equal(await count(), acknowledged)
})

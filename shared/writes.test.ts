import t from 'tap'
import { openDatabase } from './database.ts'
import { createWrites, IDEMPOTENCY_TABLE } from './writes.ts'

const HOUR_MS = 3_600_000

t.test('all remembered answers past their time are forgotten, however many there are', async (t) => {
  const db = openDatabase({ file: ':memory:', applicationId: 1, migrations: [IDEMPOTENCY_TABLE] })
  const writes = createWrites(db, { WRITE_QUEUE_MAX: 100, WRITE_BATCH_MAX: 100, IDEMPOTENCY_TTL_HOURS: 24 })
  t.teardown(() => {
    writes.stop()
    db.close()
  })
  const remember = db.prepare("INSERT INTO idempotency_keys VALUES ('me', ?, '', 201, '', ?)")
  const keys = db.prepare<[], string>('SELECT key FROM idempotency_keys').pluck()
  for (let i = 0; i < 1200; i++) remember.run(`old-${i}`, Date.now() - 25 * HOUR_MS)
  remember.run('fresh', Date.now() - 23 * HOUR_MS)
  await writes.sweep()
  t.same(keys.all(), ['fresh'])
})

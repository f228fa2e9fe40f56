import t from 'tap'
import { createLogger } from '#shared/logger.ts'
import { createWrites } from '#shared/writes.ts'
import { createRevocations } from './revocations/store.ts'
import { createSessionStore } from './sessions/store.ts'
import { scheduleSweep } from './sweep.ts'
import { identity } from './test/identity.ts'

const HOUR_MS = 3_600_000

t.test('sessions that are over are deleted, with their refresh tokens, a batch a transaction', async (t) => {
  const { db, config, signedUp, signedIn } = await identity(t)
  const writes = createWrites(db, config)
  t.teardown(writes.stop)
  const { user } = await signedUp()
  const live = await signedIn(await signedUp())
  const now = Date.now()
  const past = createSessionStore(
    db,
    createRevocations(db, config),
    { ...config, SESSIONS_MAX: 2000 },
    () => now - 30 * 24 * HOUR_MS,
  )
  const client = { ip: '192.0.2.7', user_agent: '' }
  db.transaction(() => {
    for (let i = 0; i < 1200; i++) past.open(user, { tenant: 'default' as never, amr: ['pwd'], ...client })
  })()
  const sessions = createSessionStore(db, createRevocations(db, config), config)
  let batches = 0
  const sweeper = () => {
    batches++
    return sessions.sweep()
  }
  const sweep = scheduleSweep([sweeper], writes, createLogger('identity', config))
  t.teardown(sweep.stop)
  await sweep.sweep()
  t.equal(batches, 3)
  t.same(db.prepare('SELECT id FROM sessions').pluck().all(), [live.session])
  t.equal(db.prepare('SELECT count(*) FROM refresh_tokens').pluck().get(), 1)
})

t.test('a stop ends it between two batches', async (t) => {
  const { db, config } = await identity(t)
  const writes = createWrites(db, config)
  t.teardown(writes.stop)
  let batches = 0
  const endless = () => {
    if (++batches === 3) sweep.stop()
    return true
  }
  const sweep = scheduleSweep([endless], writes, createLogger('identity', config))
  await sweep.sweep()
  t.equal(batches, 3)
})

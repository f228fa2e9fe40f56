import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createLogger } from '#shared/logger.ts'
import { createWrites } from '#shared/writes.ts'
import { identity, process } from '../test/identity.ts'
import { createLastUsed } from './last-used.ts'

t.test('a use that cannot be written waits for the next time', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp()
  const made = await service.call('POST', '/api/auth/keys', { as: person, body: { name: 'a' } })
  const { id } = made.json<{ id: string }>()
  let isUsable = false
  const health = { ...service.health, isDatabaseUsable: () => isUsable }
  const writes = createWrites(service.db, service.config, { health })
  const lastUsed = createLastUsed(service.db, { writes, logger: createLogger('identity', service.config) })
  const stored = () => service.db.prepare('SELECT last_used_at FROM api_keys WHERE id = ?').pluck().get(id)
  lastUsed.record('key', id)
  await lastUsed.stop()
  t.equal(stored(), null)
  await sleep(2)
  isUsable = true
  await lastUsed.stop()
  t.match(stored(), /^\d{4}-/)
  writes.stop()
})

t.test('a token that no application has is none, whatever it looks like, and is no use of anything', async (t) => {
  const service = await identity(t)
  const before = service.events.length
  for (const token of ['', 'x', 'a'.repeat(43), 'eyJhbGciOiJub25lIn0.e30.', 'njm_a_b']) {
    const answer = await service.call('POST', '/internal/verify', { as: process, body: { token } })
    t.same(answer.json(), { active: false }, token)
    t.equal(answer.headers['cache-control'], 'no-store')
  }
  t.equal(service.events.length, before)
})

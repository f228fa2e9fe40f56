import { until } from '#shared/test/until.ts'
import t from 'tap'
import { collector } from '../test/collector.ts'

const DAY_MS = 86_400_000

t.test('a report has at most so many good links, and those that are over make room', async (t) => {
  const it = await collector(t, { SIGN_TOKENS_MAX: '3' })
  const [id, other] = [await it.ingest(), await it.ingest({ status: { api: 'fail' } })]
  const sign = (report = id, payload = {}) => it.ask(`/reports/${report}/sign`, { method: 'POST', payload })
  const made: { id: string }[] = []
  for (let i = 0; i < 3; i++) made.push((await sign()).json())
  const refused = await sign()
  t.equal(refused.statusCode, 409, refused.body)
  t.match(refused.json(), { detail: /^There are 3 good links to this report/ })
  t.equal((await sign(other)).statusCode, 200, 'of another report there may be as many')
  const ended = await it.ask(`/reports/${id}/sign/${made[0]?.id}`, { method: 'DELETE' })
  t.equal(ended.statusCode, 204)
  t.equal((await sign()).statusCode, 200, 'one that was ended')
  t.equal((await sign()).statusCode, 409)
  await it.sql('UPDATE sign_tokens SET expiresAt = ? WHERE id = ?', Date.now() - 1, made[1]?.id)
  t.equal((await sign()).statusCode, 200, 'one whose time is over')
  t.equal((await it.ask(`/reports/${id}/sign-history`)).json<{ count: number }>().count, 5, 'the history shows all')
})

t.test(
  'links that were over long ago are deleted in chunks, of all tenants, and others stay in the history',
  async (t) => {
    const it = await collector(t)
    const id = await it.ingest()
    const now = Date.now()
    const ids: string[] = []
    for (let i = 0; i < 5; i++) {
      ids.push((await it.ask(`/reports/${id}/sign`, { method: 'POST', payload: {} })).json<{ id: string }>().id)
    }
    const [first, second, third, fourth] = ids
    for (const [link, days] of [
      [first, 91],
      [second, 100],
      [third, 92],
      [fourth, 89],
    ] as const) {
      await it.sql('UPDATE sign_tokens SET expiresAt = ? WHERE id = ?', now - days * DAY_MS, link)
    }
    const cutoff = now - 90 * DAY_MS
    t.equal(await it.writer.run('removeTokensOver', cutoff, 2), 2)
    t.same(await it.sql('SELECT id FROM sign_tokens WHERE expiresAt < ?', cutoff), [{ id: first }], 'the oldest first')
    t.equal(await it.writer.run('removeTokensOver', cutoff, 2), 1)
    t.equal(await it.writer.run('removeTokensOver', cutoff, 2), 0)
    t.equal((await it.ask(`/reports/${id}/sign-history`)).json<{ count: number }>().count, 2)
  },
)

t.test('a start deletes what was over long ago', async (t) => {
  const before = await collector(t, { SIGN_HISTORY_DAYS: '1' })
  const id = await before.ingest()
  await before.ask(`/reports/${id}/sign`, { method: 'POST', payload: {} })
  await before.sql('UPDATE sign_tokens SET expiresAt = ?', Date.now() - 2 * DAY_MS)
  await before.close()
  const after = await collector(t, { SIGN_HISTORY_DAYS: '1', DATA_DIR: before.dataDir })
  await until('the sweep', async () => (await after.sql('SELECT id FROM sign_tokens')).length === 0)
})

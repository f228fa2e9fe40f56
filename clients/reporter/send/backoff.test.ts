import fc from 'fast-check'
import t from 'tap'
import { backoffMs, RETRY_AFTER_MAX_MS, retryAfterMs } from './backoff.ts'

const NOW = Date.UTC(2026, 10, 21, 6, 0, 0)
const after = (value: string, date?: string) =>
  retryAfterMs(new Headers({ 'retry-after': value, ...(date === undefined ? {} : { date }) }), NOW)

t.test('Retry-After is taken in seconds and as each form of an HTTP date', async (t) => {
  t.equal(after('0'), 0)
  t.equal(after(' 120 '), 120_000)
  t.equal(after('Sat, 21 Nov 2026 06:00:30 GMT'), 30_000)
  t.equal(after('Saturday, 21-Nov-26 06:00:30 GMT'), 30_000)
  t.equal(after('Sat Nov 21 06:00:30 2026'), 30_000)
  t.equal(after('Sat, 21 Nov 2026 05:00:00 GMT'), 0, 'what is past is now')
})

t.test("a date is measured by the server's clock when it tells it, for ours may be wrong", async (t) => {
  t.equal(after('Sat, 21 Nov 2026 09:00:30 GMT', 'Sat, 21 Nov 2026 09:00:00 GMT'), 30_000)
  t.equal(after('Sat, 21 Nov 2026 06:00:30 GMT', 'yesterday'), 30_000)
})

t.test('what is neither says nothing, and a year is cut to a day', async (t) => {
  for (const value of ['', '-1', '1.5', '1e3', 'soon', '2026-11-21', 'Sat, 99 Nov 2026', '0x10'])
    t.equal(after(value), undefined)
  t.equal(after('31536000'), RETRY_AFTER_MAX_MS)
  t.equal(after('Sat, 21 Nov 2099 06:00:00 GMT'), RETRY_AFTER_MAX_MS)
  t.equal(after('9'.repeat(16)), undefined)
})

t.test('the wait is anywhere up to a bound that doubles, and at least what the service asked for', async () => {
  const options = { baseMs: 1000, maxMs: 60_000 }
  const unit = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), unit, fc.nat(RETRY_AFTER_MAX_MS), (failures, chance, retryAfter) => {
      const bound = Math.min(60_000, 1000 * 2 ** (failures - 1))
      const free = backoffMs(failures, options, { random: () => chance })
      const asked = backoffMs(failures, options, { retryAfter, random: () => chance })
      return free >= 0 && free <= bound && asked >= retryAfter && asked <= retryAfter + bound
    }),
  )
})

t.test('the whole of that span is used', async (t) => {
  const waits = Array.from({ length: 200 }, () => backoffMs(3, { baseMs: 1000, maxMs: 60_000 }))
  t.ok(Math.min(...waits) < 1000)
  t.ok(Math.max(...waits) > 3000)
})

import fc from 'fast-check'
import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import { readConfig } from '#shared/config.ts'
import { settings } from '../config.ts'
import { createMinute } from './minute.ts'
import { DAY_MS, STANDARD_QUOTAS, type Quotas } from './quota.ts'
import { createQuotaGate } from './quotas.ts'
import { createStandings } from './standings.ts'

const TENANT = asTenant('teamA')
const config = readConfig(settings, { NODE_ENV: 'test' })

t.test('a minute has what came in the last sixty seconds, and gives room when it says so', async () => {
  const step = fc.record({ pause: fc.nat(90), count: fc.integer({ min: 1, max: 5 }), taken: fc.nat(3) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 12 }), (steps, limit) => {
      const minute = createMinute()
      let events: number[] = []
      let now = 1000
      for (const { pause, count, taken } of steps) {
        now += pause
        minute.add(now, count)
        events.push(...Array.from({ length: count }, () => now))
        minute.remove(Math.min(taken, count))
        events = events.slice(0, events.length - Math.min(taken, count))
        const inWindow = events.filter((at) => now - at < 61).length
        if (minute.sum(now) !== inWindow) return false
        if (inWindow < limit) continue
        const wait = minute.untilRoom(now, limit)
        const later = (seconds: number) => events.filter((at) => now + seconds - at < 61).length
        if (wait < 1 || later(wait) >= limit || (wait > 1 && later(wait - 1) < limit)) return false
      }
      return true
    }),
  )
})

/** A gate whose clock the test sets. */
function gated(quotas: Partial<Quotas>, time: number) {
  const clock = { now: time, second: 0 }
  const days = new Map<number, number>()
  const now = () => clock.now
  const standings = createStandings({
    now,
    read: (tenantId, day) => ({
      tenantId,
      day,
      state: 'active',
      quotas: { ...STANDARD_QUOTAS, ...quotas },
      reports: days.get(day) ?? 0,
      bytes: 0,
      storedReports: 0,
      storedBytes: 0,
    }),
  })
  const gate = createQuotaGate({ standings, config, now, monotonic: () => clock.second * 1000 })
  async function take() {
    const standing = await standings.of(TENANT)
    const hold = gate.hold(TENANT)
    const over = hold.take(10)
    if (over !== undefined) return over
    days.set(standing.day, (days.get(standing.day) ?? 0) + 1)
    standings.told([{ ...standing, reports: days.get(standing.day) as number }])
    hold.release(true)
    return 'taken'
  }
  return { clock, take, gate, standings }
}

const NOON = 20_000 * DAY_MS + DAY_MS / 2

t.test('with the UTC day its quotas begin anew, and a clock that goes back gives nobody a second day', async (t) => {
  const { clock, take } = gated({ reportsPerDay: 1 }, NOON)
  t.equal(await take(), 'taken')
  t.match(await take(), { quota: 'reportsPerDay', retryAfterS: 43_200 })
  clock.now = NOON + DAY_MS / 2 - 1
  t.match(await take(), { retryAfterS: 1 })
  clock.now += 1
  t.equal(await take(), 'taken')
  t.match(await take(), { retryAfterS: 86_400 })
  clock.now -= 1
  t.match(await take(), { retryAfterS: 1 }, 'that day is used up')
  clock.now += 10 * DAY_MS
  t.equal(await take(), 'taken')
})

t.test('the minute goes by a clock that nobody sets', async (t) => {
  const { clock, take } = gated({ reportsPerMinute: 1 }, NOON)
  t.equal(await take(), 'taken')
  clock.now += DAY_MS
  t.match(await take(), { quota: 'reportsPerMinute', retryAfterS: 61 })
  clock.second += 60
  t.match(await take(), { retryAfterS: 1 })
  clock.second += 1
  t.equal(await take(), 'taken')
  clock.now -= 5 * DAY_MS
  t.match(await take(), { retryAfterS: 61 })
})

t.test('of several quotas the refusal names the one that takes longest', async (t) => {
  const { take } = gated({ reportsPerMinute: 1, reportsPerDay: 1 }, NOON)
  await take()
  t.match(await take(), { quota: 'reportsPerDay' })
})

t.test(
  'what is under way takes room until it is released, and what could not be written gives its minute back',
  async (t) => {
    const { gate, standings } = gated({ reportsPerDay: 3, reportsPerMinute: 4, bytesPerDay: 100 }, NOON)
    await standings.of(TENANT)
    const [one, other] = [gate.hold(TENANT), gate.hold(TENANT)]
    t.equal(one.take(50), undefined)
    t.equal(other.take(40), undefined)
    t.match(one.take(11), { quota: 'bytesPerDay' })
    t.match(one.take(101), { quota: 'bytesPerDay', retryAfterS: Infinity })
    t.equal(one.take(10), undefined)
    t.match(other.take(0), { quota: 'reportsPerDay' })
    one.release(false)
    one.release(false)
    t.equal(gate.usedThisMinute(TENANT), 1)
    t.equal(other.take(60), undefined)
    other.release(true)
    t.equal(gate.usedThisMinute(TENANT), 2)
    t.equal(gate.check(asTenant('nobody'), 1), undefined)
  },
)

t.test('a standing is read once, while it is good, and again when nobody knows', async (t) => {
  const clock = { now: NOON }
  const reads: number[] = []
  const standings = createStandings({
    now: () => clock.now,
    maxAgeMs: 1000,
    read: async (tenantId, day) => {
      reads.push(day)
      return {
        tenantId,
        day,
        state: 'active',
        quotas: STANDARD_QUOTAS,
        reports: reads.length,
        bytes: 0,
        storedReports: 0,
        storedBytes: 7,
      }
    },
  })
  t.equal(standings.last(TENANT), undefined)
  await Promise.all([standings.of(TENANT), standings.of(TENANT)])
  t.equal(reads.length, 1, 'who asks at the same time shares an answer')
  clock.now += 999
  t.match(standings.of(TENANT), { reports: 1 })
  clock.now += 1
  t.match(await standings.of(TENANT), { reports: 2 })
  standings.forget(TENANT)
  t.match(await standings.of(TENANT), { reports: 3 })
  clock.now = NOON + DAY_MS
  t.match(standings.last(TENANT), { reports: 0, storedBytes: 7 }, 'on a new day nothing has come yet')
  clock.now -= 2 * DAY_MS
  await standings.of(TENANT)
  t.equal(reads.at(-1), NOON - DAY_MS - DAY_MS / 2)
})

import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import { jumpOf, JUMP_MS, markOf, systemClock, type ClockMark, type ClockReading } from './clock.ts'
import { DAY_MS, retaining } from './test/retaining.ts'

const NOON = 1_795_000_000_000
const HOUR_MS = 3_600_000
const reading = (now: number, uptime = HOUR_MS, boot = 'a'): ClockReading => ({ now, uptime, boot })
const mark = (now: number, uptime = HOUR_MS, boot = 'a', rest: Partial<ClockMark> = {}): ClockMark => ({
  ...reading(now, uptime, boot),
  alive: now,
  accepted: 0,
  ...rest,
})

t.test('the first reading is believed, unless a report is from the future', async (t) => {
  t.equal(jumpOf(reading(NOON), [], undefined), undefined)
  t.equal(jumpOf(reading(NOON), [], NOON - 400 * DAY_MS), undefined)
  t.equal(jumpOf(reading(NOON), [], NOON + JUMP_MS), undefined)
  t.match(jumpOf(reading(NOON), [], NOON + JUMP_MS + 1), { by: -JUMP_MS - 1, reason: /from the future/ })
  t.equal(
    jumpOf(reading(NOON), [mark(NOON, HOUR_MS, 'a', { accepted: NOON + 9 * DAY_MS })], NOON + 9 * DAY_MS),
    undefined,
  )
})

t.test('within one start of the machine the clock must go on as the uptime does, to a day', async (t) => {
  const known = [mark(NOON, HOUR_MS)]
  const after = (elapsed: number, jump: number) =>
    jumpOf(reading(NOON + elapsed + jump, HOUR_MS + elapsed), known, NOON)
  t.equal(after(40 * DAY_MS, 0), undefined, 'a long time is no jump')
  t.equal(after(HOUR_MS, JUMP_MS), undefined)
  t.match(after(HOUR_MS, JUMP_MS + 1), { by: JUMP_MS + 1, reason: /uptime/ })
  t.equal(after(HOUR_MS, -JUMP_MS), undefined)
  t.match(after(HOUR_MS, -JUMP_MS - 1), { by: -JUMP_MS - 1 })
  t.match(after(5 * DAY_MS, -5 * DAY_MS), { by: -5 * DAY_MS }, 'nor may it stand still')
})

t.test(
  'after another start the machine must not have been off for more than a day, as far as anybody can tell',
  async (t) => {
    const known = [mark(NOON - 9 * DAY_MS, HOUR_MS, 'a', { alive: NOON })]
    const started = (off: number, uptime: number) => jumpOf(reading(NOON + off + uptime, uptime, 'b'), known, undefined)
    t.equal(started(HOUR_MS, 5000), undefined)
    t.equal(started(DAY_MS, 30 * DAY_MS), undefined, 'the uptime vouches for the rest')
    t.match(started(DAY_MS + 1, 5000), { by: DAY_MS + 1, reason: /off/ })
    t.match(jumpOf(reading(NOON - DAY_MS - 1, 5000, 'b'), known, undefined), { by: -DAY_MS - 1, reason: /before/ })
    t.equal(jumpOf(reading(NOON - DAY_MS, 5000, 'b'), known, undefined), undefined)
    const sameName = jumpOf(reading(NOON + 9 * DAY_MS, 10), [mark(NOON, HOUR_MS)], undefined)
    t.match(sameName, { reason: /off/ }, 'an uptime that is less than it was is another start, whatever its name')
  },
)

t.test('many small jumps are one large one', async (t) => {
  let known = [markOf(reading(NOON), [])]
  const step = 20 * HOUR_MS
  const first = reading(NOON + step, HOUR_MS + 1000)
  t.equal(jumpOf(first, known, undefined), undefined)
  known = [markOf(first, known)]
  t.match(jumpOf(reading(NOON + 2 * step, HOUR_MS + 2000), known, undefined), { reason: /uptime/ })
  const forced = reading(NOON + 2 * step, HOUR_MS + 2000)
  known = [markOf(forced, known, { newest: NOON })]
  t.equal(jumpOf(forced, known, undefined), undefined, 'who vouches for it begins anew')
})

t.test('this machine says when it is and how long it has been up', async (t) => {
  const { now, uptime, boot } = systemClock()
  t.ok(Math.abs(now - Date.now()) < 60_000 && uptime > 0 && boot !== '')
})

t.test(
  'a run does not believe a clock that jumped, and says so in its history; an admin may vouch for it',
  async (t) => {
    const tenant = asTenant('default')
    const { retention, setClock, ingestOld, ask, sql } = await retaining(t)
    const start = systemClock()
    let [jump, elapsed, boot] = [0, 0, 'one']
    setClock(() => ({ now: start.now + elapsed + jump, uptime: start.uptime + elapsed, boot }))
    const run = async (forceClock = false) => (await retention.begin(tenant, { requestedBy: 'me', forceClock }))?.end
    const count = async () =>
      (await sql<{ n: number }>('SELECT count(*) AS n FROM reports')).map(({ n }) => Number(n))[0]
    await ingestOld(10)
    t.match(await run(), { state: 'done', deleted: 0 })

    elapsed = HOUR_MS
    jump = 25 * DAY_MS
    await t.rejects(run(), {
      problem: 'conflict',
      message: /25 days ahead/,
      options: { extensions: { clockJumpMs: jump } },
    })
    t.match(await retention.dryRun(tenant), { reports: 1, clockRefused: /25 days ahead/ })
    t.equal(await count(), 1)
    jump = -3 * DAY_MS
    await t.rejects(run(), { problem: 'conflict', message: /3 days behind/ })
    const { runs } = (await ask('/admin/retention/runs')).json<{ runs: object[] }>()
    t.match(runs, [
      { state: 'failed', error: /3 days behind/ },
      { state: 'failed', error: /25 days ahead/ },
      { state: 'done' },
    ])
    jump = 0
    t.match(await run(), { state: 'done' }, 'back where it should be it is believed')

    jump = 25 * DAY_MS
    t.match(await run(true), { state: 'done', deleted: 1, forcedClock: true })
    t.match(await run(), { state: 'done', forcedClock: false }, 'what was vouched for is believed from then on')

    boot = 'two'
    elapsed = 2 * HOUR_MS
    await retention.followClock(tenant)
    jump = 60 * DAY_MS
    await t.rejects(run(), { message: /35 days ahead/ }, 'also after the machine was started again')
    await retention.followClock(tenant)
    await t.rejects(run(), { message: /35 days ahead/ }, 'and time does not mend it')
    await ingestOld(-5)
    jump = 25 * DAY_MS - 24 * DAY_MS
    await t.rejects(run(), { message: /behind/ })
  },
)

t.test("one tenant's word for the clock is not another's", async (t) => {
  const { retention, setClock, ingestOld } = await retaining(t)
  await ingestOld(10)
  await ingestOld(10, undefined, 'teamA')
  const start = systemClock()
  let jump = 0
  setClock(() => ({ ...start, now: start.now + jump }))
  const run = async (tenant: string, forceClock = false) =>
    (await retention.begin(asTenant(tenant), { requestedBy: 'me', forceClock }))?.end
  await run('default')
  await run('teamA')
  jump = 30 * DAY_MS
  t.match(await run('default', true), { deleted: 1 })
  await t.rejects(run('teamA'), { message: /30 days ahead/ })
})

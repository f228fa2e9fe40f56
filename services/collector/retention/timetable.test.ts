import t from 'tap'
import { isSchedule, timetableOf } from './timetable.ts'

const at = (text: string) => Date.parse(text)

t.test('an hour of the day (UTC) comes once a day', async (t) => {
  const next = timetableOf('03:30') as NonNullable<ReturnType<typeof timetableOf>>
  t.equal(next(at('2026-11-21T03:29:59Z')), at('2026-11-21T03:30:00Z'))
  t.equal(next(at('2026-11-21T03:30:00Z')), at('2026-11-22T03:30:00Z'))
  t.equal(next(at('2026-12-31T23:00:00Z')), at('2027-01-01T03:30:00Z'))
  t.equal(timetableOf('00:00')?.(at('2026-11-21T00:00:00Z')), at('2026-11-22T00:00:00Z'))
})

t.test('an interval counts from the last run', async (t) => {
  t.same(
    ['10s', '30m', '6h', '1d'].map((text) => timetableOf(text)?.(1000)),
    [11_000, 1_801_000, 21_601_000, 86_401_000],
  )
})

t.test('off is never, and nonsense is no schedule', async (t) => {
  t.same([timetableOf('off'), timetableOf('0')], [undefined, undefined])
  t.ok(['off', '0', '23:59', '1h'].every(isSchedule))
  t.notOk(['24:00', '3:00', '12:60', '0h', '-1h', '6', 'h', '', '6h ', 'daily'].some(isSchedule))
})

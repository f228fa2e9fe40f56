import fc from 'fast-check'
import t from 'tap'
import { boundOf, endOfDay, isDate, moveZone, parseMoment, placeIn, type Moment } from './times.ts'

const ZONES = [
  'Asia/Seoul',
  'UTC',
  'America/New_York',
  'Europe/Berlin',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Chatham',
  'America/St_Johns',
  'Africa/Casablanca',
]
const zones = fc.constantFrom(...ZONES)
/** Years 2 to 9998, so that no zone leads out of range. */
const instants = fc
  .integer({ min: Date.UTC(1970, 0) - 1968 * 31_556_952_000, max: Date.UTC(9998, 11, 31) })
  .map((ms) => Temporal.Instant.fromEpochMilliseconds(ms))

const place = (zone: string, text: string) => placeIn(zone, parseMoment(text) as Moment, 'start_time')

t.test('an instant keeps its milliseconds and its wall clock, in every zone and notation', async (t) => {
  fc.assert(
    fc.property(instants, zones, zones, (instant, zone, other) => {
      const { at, time } = place(zone, instant.toString())
      const there = instant.toZonedDateTimeISO(other).toString({ timeZoneName: 'never', fractionalSecondDigits: 9 })
      return (
        at === instant.toString({ fractionalSecondDigits: 3 }) &&
        time === instant.toZonedDateTimeISO(zone).toPlainDateTime().toString().slice(0, 16) &&
        // Offsets of long ago have seconds, which ISO 8601 rounds away.
        (instant.epochMilliseconds < 0 || place(zone, there).at === at)
      )
    }),
  )
  t.pass()
})

t.test('the 16 characters that go out lead back to the same minute, except in a repeated hour', async (t) => {
  let repeated = 0
  fc.assert(
    fc.property(instants, zones, (instant, zone) => {
      const { at, time } = place(zone, instant.toString())
      const back = place(zone, time)
      const wall = Temporal.PlainDateTime.from(time)
      const later = wall.toZonedDateTime(zone, { disambiguation: 'later' }).toInstant()
      const earlier = wall.toZonedDateTime(zone, { disambiguation: 'earlier' }).toInstant()
      if (!earlier.equals(later)) {
        repeated++
        return back.at === earlier.toString({ fractionalSecondDigits: 3 })
      }
      const difference = Date.parse(at) - Date.parse(back.at)
      return back.time === time && difference >= 0 && difference < 60_000
    }),
    { numRuns: 1000 },
  )
  t.ok(repeated < 100)
})

t.test('texts of instants sort as the instants do', async (t) => {
  fc.assert(
    fc.property(instants, instants, (a, b) => {
      const [first, second] = [place('UTC', a.toString()).at, place('UTC', b.toString()).at]
      return Math.sign(Temporal.Instant.compare(a, b)) === (first < second ? -1 : first > second ? 1 : 0)
    }),
  )
  t.pass()
})

t.test('a wall clock inside a gap moves on, in a repeated hour it is the first', async (t) => {
  t.same(place('America/New_York', '2026-03-08T02:30'), { time: '2026-03-08T03:30', at: '2026-03-08T07:30:00.000Z' })
  t.same(place('America/New_York', '2026-11-01T01:30'), { time: '2026-11-01T01:30', at: '2026-11-01T05:30:00.000Z' })
  t.same(place('Asia/Seoul', '1988-05-08T02:30').time, '1988-05-08T03:30', 'Seoul had summer time in 1988')
})

t.test('dates and times are taken in ISO 8601 and nothing else', async (t) => {
  const good = [
    '2026-11-14',
    '2026-11-14T09:30',
    '2026-11-14T09:30:15',
    '2026-11-14T09:30:15.123456789Z',
    '2026-11-14T09:30+09:00',
    '2026-11-14T09:30:00-0330',
    '2026-11-14t09:30:00z',
    '2024-02-29',
  ]
  for (const text of good) t.ok(parseMoment(text), text)
  const bad = [
    '',
    'tomorrow',
    '2026-02-30',
    '2026-02-30T10:00Z',
    '2023-02-29T00:00',
    '2026-13-01T00:00',
    '2026-11-14T24:00',
    '2026-11-14T09:60',
    '2026-11-14T09:30:60',
    '2026-11-14 09:30',
    '2026-11-14T09',
    '2026-11-14T09:30+25:00',
    '2026-11-14Z',
    '1795168800000.0',
    '20261114T093000',
    '2026-11-14T09:30[Asia/Seoul]',
    '+012026-11-14T09:30',
    ' 2026-11-14T09:30',
  ]
  for (const text of bad) t.equal(parseMoment(text), undefined, text)
  t.ok(isDate('0001-01-01'))
  for (const text of ['0000-12-31', '2026-02-30', '2026-2-3', '2026-11-14T09:30']) t.notOk(isDate(text), text)
})

t.test('years that would not sort as text are refused by the name of the field', async (t) => {
  t.same(place('Asia/Seoul', '9999-12-31T23:59').at, '9999-12-31T14:59:00.000Z')
  for (const [zone, text] of [
    ['UTC', '0000-06-01T00:00'],
    ['Asia/Seoul', '0001-01-01T00:00'],
    ['America/New_York', '9999-12-31T23:59'],
    ['Asia/Seoul', '9999-12-31T23:59Z'],
  ] as const) {
    t.throws(() => place(zone, text), { problem: 'invalid-input', message: /start_time.*years/ }, `${zone} ${text}`)
  }
})

t.test('a bare date is its whole day as the end of a list, also on the days that are not 24 hours long', async (t) => {
  t.equal(boundOf('2026-11-14', 'Asia/Seoul', 'start'), '2026-11-13T15:00:00.000Z')
  t.equal(boundOf('2026-11-14', 'Asia/Seoul', 'end'), '2026-11-14T14:59:59.999Z')
  t.equal(boundOf('2026-11-01', 'America/New_York', 'end'), '2026-11-02T04:59:59.999Z')
  t.equal(boundOf('2026-11-14T10:00', 'Asia/Seoul', 'end'), '2026-11-14T01:00:00.000Z')
  t.equal(endOfDay('9999-12-31T12:00:00.000Z', 'UTC'), '9999-12-31T23:59:59.999Z')
  t.equal(endOfDay('9999-12-31T12:00:00.000Z', 'America/New_York'), '9999-12-31T23:59:59.999Z', 'the last there is')
})

t.test('moving to another zone keeps the wall clock to the millisecond', async (t) => {
  const moved = moveZone('2026-11-14T00:30:15.250Z', 'Asia/Seoul', 'America/New_York')
  t.equal(placeIn('America/New_York', moved, 'start_time').at, '2026-11-14T14:30:15.250Z')
})

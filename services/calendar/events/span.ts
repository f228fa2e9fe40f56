import { invalidField } from '#shared/problem.ts'
import { endOfDay, moveZone, parseMoment, placeIn, type Moment } from '../times.ts'

/** When an event is, as it is stored. */
export interface Span {
  /** Wall clock in `time_zone`, YYYY-MM-DDTHH:mm. */
  start_time: string
  end_time: string
  /** Instants in UTC, YYYY-MM-DDTHH:mm:ss.sssZ. */
  start_at: string
  end_at: string
  /** Until when lists find it: the end, or the end of the last day of an all-day event. */
  last_at: string
  time_zone: string
  all_day: number
}

/** What a caller says about when it is; texts that the schema has let through. */
export interface SpanInput {
  start_time?: string
  end_time?: string
  time_zone?: string
  all_day?: boolean
}

function spanOf(start: Moment, end: Moment, zone: string, allDay: boolean): Span {
  const from = placeIn(zone, start, 'start_time')
  const to = placeIn(zone, end, 'end_time')
  if (to.at < from.at) throw invalidField('body', 'end_time', 'end_time must not be before start_time')
  return {
    start_time: from.time,
    end_time: to.time,
    start_at: from.at,
    end_at: to.at,
    last_at: allDay ? endOfDay(to.at, zone) : to.at,
    time_zone: zone,
    all_day: Number(allDay),
  }
}

/**
 * When a new event is.
 * @param defaultZone zone of wall-clock times when the event names none
 * @throws Problem invalid-input naming the field
 */
export function newSpan(
  input: SpanInput & Required<Pick<SpanInput, 'start_time' | 'end_time'>>,
  defaultZone: string,
): Span {
  const { start_time, end_time, time_zone = defaultZone, all_day = false } = input
  return spanOf(parseMoment(start_time) as Moment, parseMoment(end_time) as Moment, time_zone, all_day)
}

/**
 * The edit form sends back all it got, and its 16 characters know neither seconds nor which of two equal hours it was.
 * A time that comes back as it was given therefore is the stored instant, on the same wall clock when the zone changes.
 */
function movedMoment(
  given: string | undefined,
  stored: { time: string; at: string },
  from: string,
  to: string,
): Moment {
  const isWholeMinute = stored.at.endsWith(':00.000Z')
  const isBack = given === undefined || given === stored.time || (isWholeMinute && given === `${stored.time}:00`)
  return isBack ? moveZone(stored.at, from, to) : (parseMoment(given) as Moment)
}

/**
 * When an event is after a partial update. A new zone alone keeps the wall clock.
 * @throws Problem invalid-input naming the field
 */
export function changedSpan(stored: Span, input: SpanInput): Span {
  const from = stored.time_zone
  const { time_zone: zone = from, all_day = stored.all_day === 1 } = input
  const start = movedMoment(input.start_time, { time: stored.start_time, at: stored.start_at }, from, zone)
  const end = movedMoment(input.end_time, { time: stored.end_time, at: stored.end_at }, from, zone)
  return spanOf(start, end, zone, all_day)
}

import { invalidField } from '#shared/problem.ts'

/** What a caller may say: an instant (with Z or an offset) or a wall clock whose zone is known from elsewhere. */
export type Moment = Temporal.Instant | Temporal.PlainDateTime

/** A moment in a zone: minutes on the wall clock for the form, and the exact instant, both of fixed width. */
export interface Placed {
  time: string
  at: string
}

const DATE = String.raw`\d{4}-\d\d-\d\d`
const ISO = new RegExp(String.raw`^${DATE}(?:T\d\d:\d\d(?::[0-5]\d(?:\.\d{1,9})?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$`, 'i')
const DATE_ONLY = new RegExp(`^${DATE}$`)
const FIRST_YEAR = '0001'
const AT_LENGTH = 'YYYY-MM-DDTHH:mm:ss.sssZ'.length
const TIME_LENGTH = 'YYYY-MM-DDTHH:mm'.length
const LAST_INSTANT = '9999-12-31T23:59:59.999Z'

/** An ISO 8601 date or date and time, as one of the two things it can mean; undefined when it is none or no real date. */
export function parseMoment(text: string): Moment | undefined {
  const found = ISO.exec(text)
  if (found === null) return undefined
  try {
    return found[1] === undefined ? Temporal.PlainDateTime.from(text) : Temporal.Instant.from(text)
  } catch {
    return undefined
  }
}

/** Whether `text` is a real date YYYY-MM-DD from year 1 on. */
export function isDate(text: string): boolean {
  return DATE_ONLY.test(text) && text >= FIRST_YEAR && parseMoment(text) !== undefined
}

const zoned = (moment: Moment, zone: string): Temporal.ZonedDateTime =>
  moment instanceof Temporal.Instant
    ? moment.toZonedDateTimeISO(zone)
    : // Inside a gap the later time, in a repeated hour the first (RFC 5545 section 3.3.5).
      moment.toZonedDateTime(zone, { disambiguation: 'compatible' })

const instantText = (moment: Temporal.ZonedDateTime) => moment.toInstant().toString({ fractionalSecondDigits: 3 })

/**
 * @param field whose value this is, for the refusal
 * @throws Problem invalid-input when the year, in UTC or on the wall clock, is not 1..9999: texts would not sort then
 */
export function placeIn(zone: string, moment: Moment, field: string, where = 'body'): Placed {
  const there = zoned(moment, zone)
  const time = there.toPlainDateTime().toString({ smallestUnit: 'minute' })
  const at = instantText(there)
  const fits = time.length === TIME_LENGTH && at.length === AT_LENGTH && time >= FIRST_YEAR && at >= FIRST_YEAR
  if (!fits) throw invalidField(where, field, `${field} must be in the years 1 to 9999`)
  return { time, at }
}

/** The last millisecond of the day that `at` is in, there. */
export function endOfDay(at: string, zone: string): string {
  const day = Temporal.Instant.from(at).toZonedDateTimeISO(zone).toPlainDate()
  const text = instantText(day.add({ days: 1 }).toZonedDateTime(zone).subtract({ milliseconds: 1 }))
  return text.length === AT_LENGTH ? text : LAST_INSTANT
}

/** The instant so many days of 24 hours before; text that sorts, though year 0 may be reached. */
export function daysBefore(at: string, days: number): string {
  return Temporal.Instant.from(at)
    .subtract({ hours: days * 24 })
    .toString({ fractionalSecondDigits: 3 })
}

/** The same wall clock, to the millisecond, in another zone. */
export function moveZone(at: string, from: string, to: string): Moment {
  return from === to ? Temporal.Instant.from(at) : Temporal.Instant.from(at).toZonedDateTimeISO(from).toPlainDateTime()
}

/**
 * A bound of a list as an instant; a bare date means its whole day.
 * @throws Problem invalid-input naming the query parameter
 */
export function boundOf(text: string, zone: string, field: 'start' | 'end'): string {
  const { at } = placeIn(zone, parseMoment(text) as Moment, field, 'querystring')
  return field === 'end' && DATE_ONLY.test(text) ? endOfDay(at, zone) : at
}

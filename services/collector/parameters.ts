import Joi from 'joi'

const DIGITS = /^\d{1,15}$/
const TIME_MAX_LENGTH = 64

/**
 * Milliseconds since 1970 of a number in text, or of ISO 8601; without an offset it is UTC, or in the zone that it names (RFC
 * 9557). Undefined when it is neither.
 */
export function parseTime(value: string): number | undefined {
  if (DIGITS.test(value)) return Number(value)
  // A zone without an offset is passed over by what reads a time without a zone.
  const local = (text: string) =>
    text.includes('[') ? Temporal.ZonedDateTime.from(text) : Temporal.PlainDateTime.from(text).toZonedDateTime('UTC')
  try {
    return Temporal.Instant.from(value).epochMilliseconds
  } catch {
    try {
      return local(value).epochMilliseconds
    } catch {
      return undefined
    }
  }
}

/** A query parameter that names a time: it comes as text and the handler gets milliseconds. */
export const timeParam = (): Joi.NumberSchema =>
  Joi.string()
    .empty('')
    .max(TIME_MAX_LENGTH)
    .custom((value: string, helpers: Joi.CustomHelpers) => {
      // In a query a bare '+' stands for a space: '2026-11-21T09:00:00+09:00' arrives so when it was not encoded.
      const time = parseTime(value.replace(/ (?=\d\d:?\d\d$)/, '+'))
      if (time !== undefined) return time
      return helpers.message({ custom: '{{#label}} must be milliseconds since 1970 or an ISO 8601 time' })
    }) as unknown as Joi.NumberSchema

const CURSOR_MAX_LENGTH = 256

/** A query parameter that goes on where a page ended. */
export const cursorParam = (): Joi.StringSchema =>
  Joi.string().empty('').max(CURSOR_MAX_LENGTH).description('nextCursor of the page before')

/** A query parameter that bounds a page: more than `max` is refused, not cut. */
export const limitParam = (standard: number, max: number): Joi.NumberSchema =>
  Joi.number().integer().min(1).max(max).default(Math.min(standard, max))

/** A time in an answer: always a number of milliseconds, the console shows text as "Invalid Date". */
export const timeMember = (): Joi.NumberSchema =>
  Joi.number().integer().required().description('Milliseconds since 1970')

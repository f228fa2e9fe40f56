import type { Language } from '#shared/language.ts'
import Joi from 'joi'

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const NAMES = [
  [UNITS.d, 'day'],
  [UNITS.h, 'hour'],
  [UNITS.m, 'minute'],
  [UNITS.s, 'second'],
  [UNITS.ms, 'millisecond'],
] as const
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/

/** Milliseconds of `15m`; one unit of ms, s, m, h or d. Undefined when it is none. */
export function durationMs(text: string): number | undefined {
  const [, count, unit] = DURATION.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * UNITS[unit as keyof typeof UNITS]
}

/** A time in its largest unit that leaves nothing over: `24h` is `1 day`. */
export function durationText(ms: number, language: Language): string {
  const [size, unit] = NAMES.find(([size]) => ms >= size && ms % size === 0) ?? [1, 'millisecond']
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(ms / size)
}

/** A time after `the last` or `the`: `24h` is `day` in English, and `48h` is `2 days`. */
export function spanText(ms: number, language: Language): string {
  const text = durationText(ms, language)
  return language === 'en' ? text.replace(/^1 /, '') : text
}

/** A member such as `15m`, from `min` to `max`. */
export const durationMember = (min: string, max: string): Joi.StringSchema =>
  Joi.string()
    .custom((value: string, helpers: Joi.CustomHelpers) => {
      const [ms, least, most] = [value, min, max].map(durationMs)
      if (ms !== undefined && ms >= (least as number) && ms <= (most as number)) return value
      return helpers.message({ custom: `{{#label}} must be a time from ${min} to ${max}, such as 30s, 5m, 1h or 2d` })
    })
    .description(`A time from ${min} to ${max}, such as 30s, 5m, 1h or 2d`)

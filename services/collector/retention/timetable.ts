const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const UNITS = { s: 1000, m: MINUTE_MS, h: 60 * MINUTE_MS, d: DAY_MS } as const

const DAILY = /^([01]\d|2[0-3]):([0-5]\d)$/
const INTERVAL = /^([1-9]\d{0,5})([smhd])$/
const OFF = new Set(['0', 'off'])

export const isSchedule = (text: string): boolean => OFF.has(text) || DAILY.test(text) || INTERVAL.test(text)

/** When the next run is due after one at `last`; milliseconds since 1970. */
export type Timetable = (last: number) => number

/**
 * `HH:MM`: every day then (UTC). `6h`, `30m`, `10s`, `1d`: so long after the last one. `0` or `off`: never.
 * @returns undefined for never
 */
export function timetableOf(schedule: string): Timetable | undefined {
  const [, hours, minutes] = DAILY.exec(schedule) ?? []
  if (hours !== undefined) {
    const offset = Number(hours) * UNITS.h + Number(minutes) * MINUTE_MS
    return (last) => (Math.floor((last - offset) / DAY_MS) + 1) * DAY_MS + offset
  }
  const [, count, unit] = INTERVAL.exec(schedule) ?? []
  if (count === undefined) return undefined
  const interval = Number(count) * UNITS[unit as keyof typeof UNITS]
  return (last) => last + interval
}

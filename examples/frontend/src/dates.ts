import { language } from './language.ts'

const MINUTES = 60_000

/** IANA name of the zone that the person is in. */
export const timeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone

const two = (number: number) => String(number).padStart(2, '0')

/** Wall clock here, as an `<input type="datetime-local">` has it. */
export const wallClock = (at: Date): string => `${dayOf(at)}T${two(at.getHours())}:${two(at.getMinutes())}`

/** The day here, YYYY-MM-DD. */
export const dayOf = (at: Date): string => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`

/** A day as a moment that `Intl` shows as that day here. */
export const noonOf = (day: string): Date => new Date(`${day}T12:00`)

/** The next full hour, and the one after it: what a new event most likely means. */
export function nextHour(): { start: string; end: string } {
  const start = new Date()
  start.setHours(start.getHours() + 1, 0, 0, 0)
  return { start: wallClock(start), end: wallClock(new Date(start.getTime() + 60 * MINUTES)) }
}

/** @param by months to go on, back when negative */
export function moveMonth(month: string, by: number): string {
  const [year, number] = month.split('-').map(Number) as [number, number]
  return dayOf(new Date(year, number - 1 + by, 1)).slice(0, 'YYYY-MM'.length)
}

export function lastDayOf(month: string): string {
  const [year, number] = month.split('-').map(Number) as [number, number]
  return dayOf(new Date(year, number, 0))
}

/** In the language of the page. */
export const format = (at: Date, options: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat(language(), options).format(at)

const DAY = { month: 'short', day: 'numeric' } as const
const TIME = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const

const range = (start: Date, end: Date, options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat(language(), options).formatRange(start, end)

/** From when to when, saying the day only where it is another one. */
export const formatSpan = (start: Date, end: Date): string =>
  range(start, end, dayOf(start) === dayOf(end) ? TIME : { ...DAY, ...TIME })

/** From which day to which. */
export const formatDays = (first: string, last: string): string => range(noonOf(first), noonOf(last), DAY)

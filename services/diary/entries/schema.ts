import Joi from 'joi'
import { invalidField, Problem } from '#shared/problem.ts'
import type { DiaryConfig } from '../config.ts'

export type Mood = string | number

export interface EntryInput {
  date: string
  content: string
  mood?: Mood | null
  weather?: string | null
  tags?: string[] | null
  images?: string[] | null
}
export type EntryChange = Partial<Omit<EntryInput, 'date' | 'content'>> & { content?: string | null }

export interface PageQuery {
  page: number
  limit: number
  cursor?: string
}
export interface DateRange {
  month?: string
  startDate?: string
  endDate?: string
}
export interface ListQuery extends PageQuery, DateRange {
  date?: string
  id?: string
}
export interface EntryParams {
  key: string
}
/** The id of an entry, in a path or in a query. */
export interface IdOf {
  id: string
}

const SHORT_TEXT = 32
const IMAGE_URL_MAX = 2048
const PAGE_MAX = 1_000_000
const ISO_DATE = /^\d{4}-\d{2}-\d{2}$/
const ID_MAX = 255

/** Whether a text is YYYY-MM-DD and a day that there is. */
export function isDate(text: string): boolean {
  if (!ISO_DATE.test(text)) return false
  try {
    Temporal.PlainDate.from(text)
    return true
  } catch {
    return false
  }
}

export const calendarDate = Joi.string()
  .custom((value: string, helpers) =>
    isDate(value) ? value : helpers.message({ custom: '{#label} must be a real date, YYYY-MM-DD' }),
  )
  .example('2026-11-14')
const month = Joi.string()
  .custom((value: string, helpers) =>
    isDate(`${value}-01`) ? value : helpers.message({ custom: '{#label} must be a real month, YYYY-MM' }),
  )
  .example('2026-11')

/** An emoji or another short text, or 1 to 5; it is given back as it was sent. */
const mood = Joi.alternatives(Joi.number().strict().integer().min(1).max(5), Joi.string().max(SHORT_TEXT).allow(''))

export type EntrySchemas = ReturnType<typeof entrySchemas>

export function entrySchemas(config: DiaryConfig) {
  const fields = {
    mood: mood.allow(null),
    weather: Joi.string().max(SHORT_TEXT).allow('', null),
    tags: Joi.array().items(Joi.string().max(config.DIARY_TAG_MAX)).max(config.DIARY_TAGS_MAX).allow(null),
    images: Joi.array().items(Joi.string().max(IMAGE_URL_MAX)).allow(null),
  }
  const content = Joi.string().max(config.DIARY_CONTENT_MAX)
  const page = {
    page: Joi.number().integer().min(1).max(PAGE_MAX).default(1),
    limit: Joi.number().integer().min(1).max(config.DIARY_LIST_MAX).default(config.DIARY_LIST_DEFAULT),
    cursor: Joi.string().max(100),
  }
  const range = { month, startDate: calendarDate, endDate: calendarDate }
  return {
    page,
    range,
    create: Joi.object<EntryInput, true>({ date: calendarDate.required(), content: content.required(), ...fields }),
    change: Joi.object<EntryChange, true>({ content: content.allow(null), ...fields }),
    list: Joi.object<ListQuery, true>({ ...page, ...range, date: calendarDate, id: Joi.string().max(ID_MAX) }),
  }
}

export const entryParams = Joi.object<EntryParams, true>({ key: Joi.string().required() })
export const idOf = Joi.object<IdOf, true>({ id: Joi.string().max(ID_MAX).required() })

const entryFields = {
  id: Joi.string().guid(),
  user_id: Joi.string(),
  date: calendarDate,
  content: Joi.string(),
  mood: mood.allow(null),
  weather: Joi.string().allow(null),
  tags: Joi.array().items(Joi.string()),
  images: Joi.array().items(Joi.string()).description('URLs for an <img src>'),
  created_at: Joi.string().isoDate(),
  updated_at: Joi.string().isoDate(),
}
/** What is answered; for the documentation. */
export const entryAnswer = Joi.object(entryFields)
export const entryListAnswer = Joi.array().items(entryAnswer)
export const envelopeAnswer = Joi.object({ success: true, data: entryAnswer.allow(null) })

const REQUIRED = 'Date and content are required'
const isMissing = (value: unknown) => value === undefined || value === null || value === ''

/** The refusal that the existing client shows when a field is missing. @throws Problem invalid-input */
export function requireDateAndContent(body: unknown): void {
  const given: Partial<EntryInput> = typeof body === 'object' && body !== null ? body : {}
  const missing = (['date', 'content'] as const).filter((field) => isMissing(given[field]))
  if (missing.length === 0) return
  throw new Problem('invalid-input', {
    error: REQUIRED,
    detail: REQUIRED,
    errors: missing.map((field) => ({ in: 'body', field, message: `${field} is required` })),
  })
}

/** First and last day of a query; a month and days narrow each other. */
export function daysOf({ month, startDate, endDate }: DateRange): { from: string; to: string } {
  const starts = [month === undefined ? '0000-01-01' : `${month}-01`, startDate ?? '']
  const ends = [month === undefined ? '9999-12-31' : `${month}-31`, endDate ?? '9999-12-31']
  return { from: starts.sort().at(-1) as string, to: ends.sort()[0] as string }
}

/** @throws Problem invalid-input for a text that is neither a date nor an id */
export function requireDateOrId(key: string): 'date' | 'id' {
  if (isDate(key)) return 'date'
  if (/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(key)) return 'id'
  throw invalidField('params', 'date', 'date must be a real date, YYYY-MM-DD, or the id of an entry')
}

import Joi from 'joi'
import { isDate, parseMoment } from './times.ts'

export const JSON_TYPE = 'application/json; charset=utf-8'

/** Joi types that several features share; each says in its message what would be right. */
export const color = () =>
  Joi.string()
    .pattern(/^#[\da-fA-F]{6}$/)
    .message('{{#label}} must be a colour of the form #RRGGBB')

export const flag = () => Joi.boolean().truthy(1, '1').falsy(0, '0')

export const moment = () =>
  Joi.string()
    .custom((value: string, helpers) => (parseMoment(value) === undefined ? helpers.error('moment') : value))
    .messages({
      moment: '{{#label}} must be a real ISO 8601 date and time, such as 2026-11-14T09:30 or with Z or +09:00',
    })
    .example('2026-11-14T09:30:00')

export const date = () =>
  Joi.string()
    .custom((value: string, helpers) => (isDate(value) ? value : helpers.error('date')))
    .messages({ date: '{{#label}} must be a real date YYYY-MM-DD' })
    .example('2026-11-14')

export const instant = () => Joi.string().isoDate().example('2026-11-14T00:30:00.000Z')

/** The greatest page number: keeps the offset a safe integer. */
const PAGE_MAX = 1_000_000

/** Query parameters of every list; empty ones count as absent, as forms send them. */
export const paging = (max: number) => ({
  page: Joi.number().integer().min(1).max(PAGE_MAX).empty('').default(1),
  limit: Joi.number().integer().min(1).max(max).empty('').default(max),
  cursor: Joi.string().max(1000).empty('').description('next_cursor of the page before; page is ignored with it'),
})

import Joi from 'joi'
import { timeZone } from '#shared/time-zone.ts'
import { color, flag, instant, moment, paging } from '../fields.ts'
import type { SpanInput } from './span.ts'

export const TYPES = ['personal', 'work', 'family', 'health', 'fortune', 'anniversary', 'holiday', 'other'] as const

/** What a new event may say. `start_time` and `end_time` are ISO 8601 texts, with an offset or on the wall clock. */
export interface EventInput extends SpanInput {
  title: string
  description: string | null
  start_time: string
  end_time: string
  all_day: boolean
  location: string | null
  type: (typeof TYPES)[number]
  color: string
  reminder_minutes: number | null
}

const fields: Joi.StrictSchemaMap<EventInput> = {
  title: Joi.string().min(1).max(255),
  description: Joi.string().max(1000).allow('', null),
  start_time: moment(),
  end_time: moment(),
  time_zone: timeZone(),
  all_day: flag(),
  location: Joi.string().max(255).allow('', null),
  type: Joi.string().valid(...TYPES),
  color: color(),
  reminder_minutes: Joi.number().integer().min(0).allow(null),
}

const update = Joi.object<Partial<EventInput>, true>(fields).required()

export const updateSchema = update.label('body')

export const createSchema = (update as Joi.ObjectSchema<EventInput>)
  .keys({
    description: Joi.string().max(1000).allow('', null).default(null),
    all_day: flag().default(false),
    location: Joi.string().max(255).allow('', null).default(null),
    type: Joi.string()
      .valid(...TYPES)
      .default('personal'),
    color: color().default('#3B82F6'),
    reminder_minutes: Joi.number().integer().min(0).allow(null).default(null),
  })
  .fork(['title', 'start_time', 'end_time'], (field) => field.required())
  .label('body')

/** Which events a list shows. */
export interface EventQuery {
  start?: string
  end?: string
  start_date?: string
  end_date?: string
  time_zone?: string
  type?: (typeof TYPES)[number]
  page: number
  limit: number
  cursor?: string
}

export const querySchema = (max: number) =>
  Joi.object<EventQuery, true>({
    start: moment().empty('').description('Events that end then or later; a bare date is its first moment'),
    end: moment().empty('').description('Events that begin then or earlier; a bare date is its whole day'),
    start_date: moment().empty('').description('The same as start'),
    end_date: moment().empty('').description('The same as end'),
    time_zone: timeZone().empty('').description('Zone of bounds without an offset'),
    type: Joi.string()
      .valid(...TYPES)
      .empty(''),
    ...paging(max),
  })

export const eventSchema = Joi.object({
  id: Joi.string().guid(),
  ...fields,
  start_time: Joi.string().description('Wall clock in time_zone').example('2026-11-14T09:30'),
  end_time: Joi.string().description('Wall clock in time_zone').example('2026-11-14T10:30'),
  start_at: instant(),
  end_at: instant(),
  created_at: instant(),
  updated_at: instant(),
}).label('Event')

const status = Joi.string().valid('success')
export const oneSchema = Joi.object({ status, data: eventSchema })
export const listSchema = Joi.object({
  status,
  data: Joi.array().items(eventSchema),
  count: Joi.number().integer().description('Events in data'),
  next_cursor: Joi.string().description('Only when there are more'),
})
export const deletedSchema = Joi.object({ status, message: Joi.string() })

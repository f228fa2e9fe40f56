import Joi from 'joi'
import { date, flag, instant, paging } from '../fields.ts'

export const PRIORITIES = ['low', 'medium', 'high'] as const

export interface TodoInput {
  title: string
  description: string | null
  /** YYYY-MM-DD */
  date: string
  priority: (typeof PRIORITIES)[number]
  completed: boolean
}

const fields: Joi.StrictSchemaMap<TodoInput> = {
  title: Joi.string().min(1).max(255),
  description: Joi.string().max(1000).allow('', null),
  date: date(),
  priority: Joi.string().valid(...PRIORITIES),
  completed: flag(),
}
const update = Joi.object<Partial<TodoInput>, true>(fields).required()

export const updateSchema = update.label('body')
export const createSchema = (update as Joi.ObjectSchema<TodoInput>)
  .keys({
    description: Joi.string().max(1000).allow('', null).default(null),
    priority: Joi.string()
      .valid(...PRIORITIES)
      .default('medium'),
    completed: flag().default(false),
  })
  .fork(['title', 'date'], (field) => field.required())
  .label('body')

/** Which todos a list shows. */
export interface TodoQuery {
  date?: string
  from?: string
  to?: string
  completed?: boolean
  page: number
  limit: number
  cursor?: string
}

export const pageSchema = (max: number) => Joi.object<Pick<TodoQuery, 'page' | 'limit' | 'cursor'>>(paging(max))
export const querySchema = (max: number) =>
  Joi.object<TodoQuery, true>({
    date: date().empty('').description('That day only'),
    from: date().empty('').description('That day and later'),
    to: date().empty('').description('That day and earlier'),
    completed: flag().empty(''),
    ...paging(max),
  })

export const todoSchema = Joi.object({
  id: Joi.string().guid(),
  ...fields,
  completed: Joi.number().valid(0, 1),
  created_at: instant(),
  updated_at: instant(),
}).label('Todo')
export const todosSchema = Joi.array().items(todoSchema)

import Joi from 'joi'
import { cursorParam, limitParam, timeMember, timeParam } from '../../parameters.ts'

/** Why a report is not to be deleted; times are milliseconds since 1970. */
export interface Hold {
  reason: string
  by: string
  at: number
  /** When the next retention run lifts it; without it nobody but an administrator does. */
  until?: number
}

export interface HoldInput {
  reason: string
  until?: number
}

const REASON_MAX_LENGTH = 1000

export const holdBody = Joi.object<HoldInput, true>({
  reason: Joi.string().max(REASON_MAX_LENGTH).required().description('Why it must not be deleted'),
  until: Joi.alternatives(Joi.number().integer().min(0), timeParam()).description(
    'When a retention run may lift it: milliseconds or ISO 8601; without it, never',
  ) as unknown as Joi.NumberSchema,
})

export const holdSchema = Joi.object({
  reason: Joi.string().required(),
  by: Joi.string().required(),
  at: timeMember(),
  until: Joi.number().integer().description('Milliseconds since 1970'),
})

export interface HoldListQuery {
  limit: number
  cursor?: string
}

const PAGE_DEFAULT = 20
const PAGE_MAX = 100
export const holdListQuery = Joi.object<HoldListQuery, true>({
  limit: limitParam(PAGE_DEFAULT, PAGE_MAX),
  cursor: cursorParam(),
})

export const heldReportSchema = Joi.object({ id: Joi.string().required(), hold: holdSchema.required() })

export const holdListSchema = Joi.object({
  holds: Joi.array().items(heldReportSchema).required(),
  nextCursor: Joi.string(),
})

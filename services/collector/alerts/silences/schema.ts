import Joi from 'joi'
import { timeMember, timeParam } from '../../parameters.ts'
import { LEVELS, type Level } from '../levels.ts'
import { nameMember } from '../rules/schema.ts'

export interface SilenceInput {
  startsAt?: number
  endsAt: number
  rule?: string
  level?: Level
  reason: string
}

const REASON_MAX_LENGTH = 1000
const time = () => Joi.alternatives(Joi.number().integer().min(0), timeParam())

export const silenceBody = Joi.object<SilenceInput>({
  startsAt: time().description('Milliseconds or ISO 8601; now without it'),
  endsAt: time().required().description('Milliseconds or ISO 8601'),
  rule: nameMember().description('Only alerts of this rule'),
  level: Joi.string()
    .valid(...LEVELS)
    .description('Only alerts of this level'),
  reason: Joi.string().max(REASON_MAX_LENGTH).required(),
})

export const silenceSchema = Joi.object({
  id: Joi.string().required(),
  startsAt: timeMember(),
  endsAt: timeMember(),
  rule: Joi.string(),
  level: Joi.string().valid(...LEVELS),
  reason: Joi.string().required(),
  createdBy: Joi.string().required(),
  createdAt: timeMember(),
  updatedAt: timeMember(),
})
export const silenceListSchema = Joi.object({ silences: Joi.array().items(silenceSchema).required() })

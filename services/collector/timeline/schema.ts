import Joi from 'joi'
import type { CollectorConfig } from '../config.ts'
import { timeMember } from '../parameters.ts'

export interface TimelineQuery {
  window_h: number
}

const WINDOW_DEFAULT_H = 24

export const timelineQuery = (config: CollectorConfig) =>
  Joi.object<TimelineQuery, true>({
    window_h: Joi.number().integer().min(1).max(config.TIMELINE_MAX_H).default(WINDOW_DEFAULT_H),
  })

const count = () => Joi.number().integer().required()

export const timelineSchema = Joi.object({
  window_h: count(),
  buckets: Joi.array()
    .items(Joi.object({ time: timeMember(), info: count(), warn: count(), block: count() }))
    .required(),
})

import Joi from 'joi'
import type { CollectorConfig } from '../config.ts'
import { cursorParam, limitParam, timeMember } from '../parameters.ts'
import { ALERT_STATES, type AlertState } from './alert.ts'
import { LEVELS, type Level } from './levels.ts'
import { NOTIFICATION_EVENTS, NOTIFICATION_STATES, type NotificationState } from './notification.ts'
import { nameMember, RULE_KINDS } from './rules/schema.ts'

export interface AlertFilter {
  /** active is firing. */
  state?: AlertState | 'active'
  level?: Level
  rule?: string
}
export interface NotificationFilter {
  state?: NotificationState
  channel?: string
}
interface Paged {
  limit: number
  cursor?: string
}

const PAGE_DEFAULT = 20
const page = (config: CollectorConfig) => ({
  limit: limitParam(PAGE_DEFAULT, config.ALERTS_LIST_MAX),
  cursor: cursorParam(),
})
const level = () => Joi.string().valid(...LEVELS)

export const alertListQuery = (config: CollectorConfig) =>
  Joi.object<AlertFilter & Paged, true>({
    state: Joi.string()
      .empty('')
      .valid(...ALERT_STATES, 'active')
      .description('active is firing'),
    level: level().empty(''),
    rule: nameMember().empty(''),
    ...page(config),
  })
export const notificationListQuery = (config: CollectorConfig) =>
  Joi.object<NotificationFilter & Paged, true>({
    state: Joi.string()
      .empty('')
      .valid(...NOTIFICATION_STATES),
    channel: nameMember().empty(''),
    ...page(config),
  })

export const idParams = Joi.object<{ id: string }, true>({
  id: Joi.string()
    .guid({ version: ['uuidv7'] })
    .required(),
})

const time = () => Joi.number().integer().description('Milliseconds since 1970')
const members = {
  id: Joi.string().required(),
  fingerprint: Joi.string().required().description('The same for the same rule with the same labels'),
  rule: Joi.string().required(),
  kind: Joi.string()
    .valid(...RULE_KINDS)
    .required(),
  level: level().required(),
  state: Joi.string()
    .valid(...ALERT_STATES)
    .required(),
  summary: Joi.string().required().description('In Korean or English, by Accept-Language'),
  labels: Joi.object().pattern(Joi.string(), Joi.string()).required(),
  facts: Joi.object().required().description('What was measured, and what it was compared with'),
  runbook: Joi.string(),
  startedAt: timeMember(),
  firedAt: time(),
  resolvedAt: time(),
  acknowledgedAt: time(),
  acknowledgedBy: Joi.string(),
  updatedAt: timeMember(),
  silenced: Joi.boolean().required().description('Whether a maintenance window keeps it quiet'),
}
const notificationMembers = {
  id: Joi.string().required(),
  channel: Joi.string().required(),
  event: Joi.string()
    .valid(...NOTIFICATION_EVENTS)
    .required(),
  state: Joi.string()
    .valid(...NOTIFICATION_STATES)
    .required(),
  alerts: Joi.array()
    .items(Joi.object({ id: Joi.string().required(), status: Joi.string().valid('firing', 'resolved').required() }))
    .required(),
  attempts: Joi.number().integer().required(),
  nextAt: time().description('When it is tried next (milliseconds since 1970)'),
  createdAt: timeMember(),
  sentAt: time(),
  lastError: Joi.string().description('For those who do not administrate the tenant: of which kind it was'),
}

export const notificationSchema = Joi.object(notificationMembers)
export const alertStateSchema = Joi.object(members)
export const alertSchema = Joi.object({
  ...members,
  notifications: Joi.array().items(notificationSchema).required().description('Newest first, at most 100'),
})
export const alertListSchema = Joi.object({
  alerts: Joi.array().items(Joi.object(members)).required(),
  nextCursor: Joi.string(),
})
export const notificationListSchema = Joi.object({
  notifications: Joi.array().items(notificationSchema).required(),
  nextCursor: Joi.string(),
})

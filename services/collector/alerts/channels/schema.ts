import { LANGUAGES, type Language } from '#shared/language.ts'
import { emailAddress } from '#shared/mail/settings.ts'
import Joi from 'joi'
import { durationMember } from '../duration.ts'
import { LEVELS, type Level } from '../levels.ts'
import { timeMember } from '../../parameters.ts'
import { nameMember } from '../rules/schema.ts'

export const CHANNEL_KINDS = ['slack', 'pagerduty', 'email', 'webhook'] as const
export type ChannelKind = (typeof CHANNEL_KINDS)[number]
/** Which alerts are told together: those of a rule, of a level, all, or each alone. */
export const GROUPINGS = ['rule', 'level', 'all', 'alert'] as const
export type Grouping = (typeof GROUPINGS)[number]

/** What a channel does, without its secrets. */
export interface ChannelPlan {
  kind: ChannelKind
  language: Language
  /** Levels that it hears of, unless a rule names its channels. */
  levels: Level[]
  groupBy: Grouping
  groupWait?: string
  groupInterval?: string
  repeatInterval?: string
}

/** What is sealed: where it leads, and what proves who sends. */
export interface ChannelSecrets {
  /** Of Slack, PagerDuty, a webhook. */
  url?: string
  routingKey?: string
  /** `whsec_` and base64 (Standard Webhooks). */
  secret?: string
  to?: string[]
}

export type ChannelInput = Omit<ChannelPlan, 'levels' | 'groupBy'> & Partial<ChannelPlan> & ChannelSecrets

const URL_MAX = 2000
const RECIPIENTS_MAX = 20
const ROUTING_KEY = /^[\w-]{1,64}$/
/** 24 to 64 bytes in base64, as the Standard Webhooks specification has them. */
const SECRET = /^whsec_(?:[A-Za-z\d+/]{4}){8,21}(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/

export const channelParams = Joi.object<{ name: string }, true>({ name: nameMember().required() })

export const channelBody = Joi.object<ChannelInput>({
  kind: Joi.string()
    .valid(...CHANNEL_KINDS)
    .required(),
  language: Joi.string()
    .valid(...LANGUAGES)
    .default('ko'),
  levels: Joi.array()
    .items(Joi.string().valid(...LEVELS))
    .unique()
    .min(1)
    .description('Which alerts it hears of; all from warning on, of PagerDuty critical, without it'),
  groupBy: Joi.string()
    .valid(...GROUPINGS)
    .description('Which alerts are told together; those of a rule without it, each alone in PagerDuty'),
  groupWait: durationMember('0s', '1d'),
  groupInterval: durationMember('0s', '1d'),
  repeatInterval: durationMember('1s', '30d'),
  url: Joi.string()
    .uri({ scheme: ['https', 'http'] })
    .max(URL_MAX)
    .description('Of Slack and webhooks; of PagerDuty only where it is another than the usual one'),
  routingKey: Joi.string().pattern(ROUTING_KEY).description('Integration key of PagerDuty (Events API v2)'),
  secret: Joi.string()
    .pattern(SECRET)
    .messages({ 'string.pattern.base': '{{#label}} must be whsec_ and base64 of 24 to 64 bytes' })
    .description('Of a webhook: its signatures are made with it'),
  to: Joi.array().items(emailAddress()).unique().min(1).max(RECIPIENTS_MAX).description('Who gets the mails'),
})

const plan = {
  name: Joi.string().required(),
  kind: Joi.string()
    .valid(...CHANNEL_KINDS)
    .required(),
  language: Joi.string()
    .valid(...LANGUAGES)
    .required(),
  levels: Joi.array()
    .items(Joi.string().valid(...LEVELS))
    .required(),
  groupBy: Joi.string()
    .valid(...GROUPINGS)
    .required(),
  groupWait: Joi.string(),
  groupInterval: Joi.string(),
  repeatInterval: Joi.string(),
}

export const channelSchema = Joi.object({
  ...plan,
  target: Joi.string().required().description('Where it leads, as far as that is no secret'),
  createdAt: timeMember(),
  updatedAt: timeMember(),
})
export const channelStatusSchema = channelSchema.keys({
  failures: Joi.number().integer().required().description('In a row'),
  blockedUntil: Joi.number().integer().description('Until then it is left alone (milliseconds since 1970)'),
})
export const channelListSchema = Joi.object({ channels: Joi.array().items(channelStatusSchema).required() })

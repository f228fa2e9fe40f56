import Joi from 'joi'
import type { CollectorConfig } from '../config.ts'
import { SEVERITIES, type Severity } from '../ingest/severity.ts'
import { cursorParam, limitParam, timeMember, timeParam } from '../parameters.ts'
import { FINDING_EVENTS, FINDING_STATES, type FindingState } from './fold.ts'

export interface FindingFilter {
  /** `open` includes those that were reopened. */
  state?: FindingState
  rule?: string
  target?: string
  severity?: Severity
  flaky?: boolean
  muted?: boolean
  /** Milliseconds since 1970, inclusive, of when it was seen last. */
  since?: number
  until?: number
}

export interface FindingListQuery extends FindingFilter {
  limit: number
  cursor?: string
}

const PAGE_DEFAULT = 20
const TEXT_MAX_LENGTH = 1000
const REASON_MAX_LENGTH = 1000

export const findingListQuery = (config: CollectorConfig) =>
  Joi.object<FindingListQuery, true>({
    state: Joi.string()
      .empty('')
      .valid(...FINDING_STATES)
      .description('open includes reopened'),
    rule: Joi.string().empty('').normalize('NFC').max(TEXT_MAX_LENGTH),
    target: Joi.string().empty('').normalize('NFC').max(TEXT_MAX_LENGTH),
    severity: Joi.string()
      .empty('')
      .valid(...SEVERITIES),
    flaky: Joi.boolean().empty('').description('Whether its verdict changes from report to report'),
    muted: Joi.boolean().empty(''),
    since: timeParam().description('Seen last at or after: milliseconds or ISO 8601'),
    until: timeParam().description('Seen last at or before: milliseconds or ISO 8601'),
    limit: limitParam(PAGE_DEFAULT, config.FINDINGS_LIST_MAX),
    cursor: cursorParam(),
  })

export interface FindingParams {
  fingerprint: string
}
export const findingParams = Joi.object<FindingParams, true>({
  fingerprint: Joi.string()
    .pattern(/^[\da-f]{32}$/)
    .required(),
})

export interface HistoryQuery {
  limit: number
  cursor?: string
}
export const findingQuery = (config: CollectorConfig) =>
  Joi.object<HistoryQuery, true>({
    limit: limitParam(PAGE_DEFAULT, config.FINDINGS_LIST_MAX).description('Entries of its history'),
    cursor: cursorParam(),
  })

export interface MuteInput {
  reason: string
  /** Milliseconds since 1970. */
  until: number
}
export const muteSchema = Joi.object<MuteInput, true>({
  reason: Joi.string().max(REASON_MAX_LENGTH).required().description('Why nobody wants to hear of it'),
  until: Joi.alternatives(Joi.number().integer().min(0), timeParam())
    .required()
    .description(
      'When the mute ends: milliseconds or ISO 8601, rounded up to the minute',
    ) as unknown as Joi.NumberSchema,
})

const members = {
  fingerprint: Joi.string().required(),
  rule: Joi.string().required(),
  target: Joi.string().allow('').required(),
  message: Joi.string().allow('').required().description('As it was seen last'),
  severity: Joi.string()
    .valid(...SEVERITIES)
    .required(),
  verdict: Joi.string().valid('pass', 'warn', 'block').required(),
  state: Joi.string()
    .valid(...FINDING_STATES)
    .required(),
  firstSeen: timeMember(),
  lastSeen: timeMember(),
  changedAt: timeMember(),
  count: Joi.number().integer().required().description('Reports that spoke of it'),
  lastReportId: Joi.string().required(),
  flaky: Joi.boolean().required(),
  muted: Joi.object({ reason: Joi.string().required(), until: timeMember(), by: Joi.string().required() }),
}

export const findingListSchema = Joi.object({
  findings: Joi.array().items(Joi.object(members)).required(),
  totalCount: Joi.number().integer().required(),
  nextCursor: Joi.string(),
})

export const findingSchema = Joi.object({
  ...members,
  history: Joi.array()
    .items(
      Joi.object({
        at: timeMember(),
        event: Joi.string()
          .valid(...FINDING_EVENTS)
          .required(),
        verdict: Joi.string().required(),
        reportId: Joi.string().required().description('May be gone by now'),
      }),
    )
    .description('Newest first'),
  nextCursor: Joi.string(),
})

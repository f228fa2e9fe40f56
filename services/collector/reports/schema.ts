import Joi from 'joi'
import type { CollectorConfig } from '../config.ts'
import { POLICY_VERSION_MAX_LENGTH, SEVERITIES } from '../ingest/severity.ts'
import { holdSchema } from '../retention/holds/schema.ts'
import { SEVERITY_ORDER, SORTS, type ReportFilter, type Sort } from './list.ts'
import { cursorParam, limitParam, timeMember, timeParam } from '../parameters.ts'

/** Whether a report fits its schema. */
export const STATES = ['stored', 'quarantined'] as const
export type State = (typeof STATES)[number]

export interface ReportListQuery extends ReportFilter {
  sort: Sort
  page: number
  limit: number
  cursor?: string
}

const PAGE_DEFAULT = 20
const LABEL_MAX_LENGTH = 200
const TEXT_MAX_LENGTH = 1000
const TEXT_QUERY_MAX_LENGTH = 200

export const reportListQuery = (config: CollectorConfig) =>
  Joi.object<ReportListQuery, true>({
    state: Joi.string()
      .empty('')
      .valid(...STATES)
      .description('quarantined: reports that do not fit their schema'),
    severity: Joi.string()
      .empty('')
      .valid(...SEVERITY_ORDER)
      .description('none: reports without any'),
    held: Joi.boolean().empty('').description('Whether the report is on hold'),
    policy_version: Joi.string().empty('').normalize('NFC').max(POLICY_VERSION_MAX_LENGTH),
    since: timeParam().description('Stored at or after: milliseconds or ISO 8601'),
    until: timeParam().description('Stored at or before: milliseconds or ISO 8601'),
    label: Joi.string()
      .empty('')
      .normalize('NFC')
      .max(LABEL_MAX_LENGTH)
      .description('A label by its name, or `name:value`'),
    rule: Joi.string().empty('').normalize('NFC').max(TEXT_MAX_LENGTH),
    target: Joi.string()
      .empty('')
      .normalize('NFC')
      .max(TEXT_MAX_LENGTH)
      .description('With a rule: of the same evaluation'),
    text: Joi.string()
      .empty('')
      .max(TEXT_QUERY_MAX_LENGTH)
      .description(
        'Words, each a part of a word, in the name of a rule or target, a message or a note; upper and lower case alike. In ' +
          'messages and notes all numbers and ids are alike',
      ),
    sort: Joi.string()
      .empty('')
      .valid(...SORTS)
      .default('-createdAt')
      .description('severity is from none to block, and newest first within one; a minus turns it round'),
    page: Joi.number().integer().min(1).default(1),
    limit: limitParam(PAGE_DEFAULT, config.REPORTS_LIST_MAX),
    cursor: cursorParam(),
  })

export interface ReportParams {
  id: string
}
export const reportParams = Joi.object<ReportParams, true>({ id: Joi.string().required() })

export const reportListSchema = Joi.object({
  reports: Joi.array()
    .items(
      Joi.object({
        id: Joi.string().required(),
        createdAt: timeMember(),
        updatedAt: timeMember(),
        severity: Joi.string().valid(...SEVERITIES),
        policyVersion: Joi.string(),
        state: Joi.string().valid('quarantined'),
      }),
    )
    .required(),
  pagination: Joi.object({
    page: Joi.number().integer().required(),
    limit: Joi.number().integer().required(),
    totalCount: Joi.number().integer().required(),
    totalPages: Joi.number().integer().required(),
    nextCursor: Joi.string(),
  }).required(),
})

export const reportSchema = Joi.object({
  id: Joi.string().required(),
  tenantId: Joi.string().required(),
  report: Joi.object().unknown().required(),
  markdown: Joi.string(),
  state: Joi.string().valid('quarantined'),
  errors: Joi.array()
    .items(Joi.object({ in: Joi.string(), field: Joi.string().allow(''), message: Joi.string() }))
    .description('What of it does not fit its schema'),
  hold: holdSchema.description('Why it is not to be deleted'),
  createdAt: timeMember(),
  updatedAt: timeMember(),
})

import Joi from 'joi'
import type { CollectorConfig } from '../config.ts'
import { POLICY_VERSION_MAX_LENGTH, SEVERITIES, type Severity } from '../ingest/severity.ts'
import { timeParam } from '../time-param.ts'

export interface ReportFilter {
  severity?: Severity
  policy_version?: string
  /** Milliseconds since 1970, inclusive. */
  since?: number
  /** Milliseconds since 1970, inclusive. */
  until?: number
}

export interface ReportListQuery extends ReportFilter {
  page: number
  limit: number
  cursor?: string
}

const PAGE_DEFAULT = 20
const CURSOR_MAX_LENGTH = 256

export const cursorParam = () =>
  Joi.string().empty('').max(CURSOR_MAX_LENGTH).description('nextCursor of the page before')

export const limitParam = (standard: number, max: number) =>
  Joi.number().integer().min(1).max(max).default(Math.min(standard, max))

export const reportListQuery = (config: CollectorConfig) =>
  Joi.object<ReportListQuery, true>({
    severity: Joi.string()
      .empty('')
      .valid(...SEVERITIES),
    policy_version: Joi.string().empty('').max(POLICY_VERSION_MAX_LENGTH),
    since: timeParam().description('Stored at or after: milliseconds or ISO 8601'),
    until: timeParam().description('Stored at or before: milliseconds or ISO 8601'),
    page: Joi.number().integer().min(1).default(1),
    limit: limitParam(PAGE_DEFAULT, config.REPORTS_LIST_MAX),
    cursor: cursorParam(),
  })

export interface ReportParams {
  id: string
}
export const reportParams = Joi.object<ReportParams, true>({ id: Joi.string().required() })

/** Every time in an answer is a number of milliseconds: the console shows text as "Invalid Date". */
export const ms = () => Joi.number().integer().required().description('Milliseconds since 1970')

export const reportListSchema = Joi.object({
  reports: Joi.array()
    .items(
      Joi.object({
        id: Joi.string().required(),
        createdAt: ms(),
        updatedAt: ms(),
        severity: Joi.string().valid(...SEVERITIES),
        policyVersion: Joi.string(),
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
  createdAt: ms(),
  updatedAt: ms(),
})

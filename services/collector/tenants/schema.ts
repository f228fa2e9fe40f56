import Joi from 'joi'
import type { Tenant } from '#shared/scope.ts'
import { cursorParam, limitParam, timeMember } from '../parameters.ts'
import type { CollectorConfig } from '../config.ts'
import type { TenantInput } from './changes.ts'
import { QUOTA_NAMES, REFUSAL_REASONS, type Quotas } from './quota.ts'

const ID_MAX_LENGTH = 64
const TITLE_MAX_LENGTH = 100

/** Ids stand in headers, logs and settings: letters, digits, `.`, `-` and `_`. */
const tenantId = () =>
  Joi.string<Tenant>()
    .max(ID_MAX_LENGTH)
    .pattern(/^[\dA-Za-z][\w.-]*$/)
    .messages({ 'string.pattern.base': '{{#label}} must be letters, digits, ., - and _' })
    .example('team-a')

const title = () =>
  Joi.string()
    .trim()
    .max(TITLE_MAX_LENGTH)
    .pattern(/^[^\p{Cc}\p{Cs}]+$/u)
    .messages({ 'string.pattern.base': '{{#label}} must not have control characters' })

/** `convert: false`: neither "10" nor "" nor true is a number of reports. */
const quota = () =>
  Joi.number()
    .integer()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .allow(null)
    .options({ convert: false })
    .description('0 is no limit, null what the settings say')

const quotas = Joi.object<Partial<Quotas>, true>({
  reportsPerMinute: quota(),
  reportsPerDay: quota(),
  bytesPerDay: quota(),
  storageBytes: quota(),
})

export const createSchema = Joi.object<TenantInput & { id: Tenant }, true>({
  id: tenantId().required(),
  title: title(),
  quotas,
})
  .required()
  .label('body')

export const changeSchema = Joi.object<TenantInput, true>({ title: title(), quotas })
  .or('title', 'quotas')
  .required()
  .label('body')

export const tenantParams = Joi.object<{ id: Tenant }, true>({ id: Joi.string<Tenant>().max(ID_MAX_LENGTH) })

export interface ListQuery {
  limit: number
  cursor?: string
}
export const listQuery = ({ COLLECTOR_TENANTS_LIST_MAX: max }: CollectorConfig) =>
  Joi.object<ListQuery, true>({ limit: limitParam(max, max), cursor: cursorParam() })

const count = () => Joi.number().integer().min(0)

export const tenantSchema = Joi.object({
  id: Joi.string().required(),
  title: Joi.string().required(),
  state: Joi.string().valid('active', 'suspended').required(),
  quotas: Joi.object(Object.fromEntries(QUOTA_NAMES.map((name) => [name, count().allow(null).required()]))).required(),
  createdAt: Joi.number().integer().description('Absent for a tenant without settings of its own'),
  updatedAt: Joi.number().integer(),
}).label('Tenant')

export const tenantsSchema = Joi.object({
  tenants: Joi.array().items(tenantSchema).required(),
  nextCursor: Joi.string().description('Absent at the end'),
}).label('Tenants')

export interface UsageQuery {
  days: number
}
const DAYS_STANDARD = 7
export const usageQuery = ({ USAGE_DAYS_MAX: max }: CollectorConfig) =>
  Joi.object<UsageQuery, true>({
    days: limitParam(DAYS_STANDARD, max).description('Days to show, today being the first'),
  })

const refused = Joi.object(Object.fromEntries(REFUSAL_REASONS.map((reason) => [reason, count()])))
  .required()
  .description('Reports that were not taken, by reason (requests, for suspended)')

const quotaUse = Joi.object({
  limit: count().required().description('0 is no limit'),
  used: count().required(),
  remaining: count().allow(null).required().description('null without a limit'),
}).required()

export const usageSchema = Joi.object({
  tenantId: Joi.string().required(),
  state: Joi.string().valid('active', 'suspended').required(),
  quotas: Joi.object(Object.fromEntries(QUOTA_NAMES.map((name) => [name, quotaUse]))).required(),
  resetsAt: timeMember().description('When the next UTC day begins'),
  stored: Joi.object({ reports: count().required(), bytes: count().required() }).required(),
  days: Joi.array()
    .items(
      Joi.object({
        day: timeMember().description('Begin of the UTC day'),
        reports: count().required().description('Stored, those in quarantine too'),
        quarantined: count().required().description('Did not fit their schema when they came'),
        bytes: count().required(),
        duplicates: count().required().description('Were there already: nothing of them is stored'),
        rejected: count().required().description('Were no reports'),
        refused,
      }),
    )
    .required()
    .description('Those on which there was something, newest first'),
}).label('Usage')

import Joi from 'joi'
import type { AuditRow } from '#shared/audit/row.ts'
import { PROCESS_NAMES } from '#shared/ports.ts'
import type { IdentityConfig } from '../config.ts'

/** Which rows; those that have everything that is asked for. Times are milliseconds since 1970. */
export interface AuditFilter {
  from?: number
  to?: number
  /** The event, or how it begins: `login` finds `login.failed`, too. */
  event?: string
  actor?: string
  target?: string
  result?: AuditRow['result']
  service?: AuditRow['service']
  ip?: string
  request_id?: string
}

export interface AuditQuery extends AuditFilter {
  limit: number
  cursor?: string
}

const TEXT_MAX = 1024
const text = () => Joi.string().max(TEXT_MAX)
const time = () =>
  Joi.date()
    .iso()
    .custom((value: Date) => value.getTime()) as unknown as Joi.NumberSchema

const span = { from: time().description('From then on, ISO 8601'), to: time().description('Until then, ISO 8601') }

/** @param config its AUDIT_PAGE_MAX is the most rows in one answer */
export const auditQuery = (config: Pick<IdentityConfig, 'AUDIT_PAGE_MAX'>) =>
  Joi.object<AuditQuery, true>({
    ...span,
    event: text().description('The event, or how it begins'),
    actor: text().description('account:<id>, key:<id>, anonymous ...'),
    target: text().description('account:<id>, key:<id> ...'),
    result: Joi.string().valid('allowed', 'refused', 'failed'),
    service: Joi.string().valid(...PROCESS_NAMES),
    ip: text(),
    request_id: text(),
    limit: Joi.number().integer().min(1).max(config.AUDIT_PAGE_MAX).default(Math.min(100, config.AUDIT_PAGE_MAX)),
    cursor: text(),
  })

export const exportQuery = Joi.object<Pick<AuditFilter, 'from' | 'to'>, true>(span)

const nullable = () => text().allow('', null).required()
const required = () => text().allow('').required()

/** Rows as the recorder of a process makes them. */
export const rowsSchema = Joi.object<{ rows: AuditRow[] }>({
  rows: Joi.array()
    .max(5000)
    .items(
      Joi.object<AuditRow, true>({
        id: Joi.string().max(100).required(),
        time: Joi.number().integer().min(0).required(),
        service: Joi.string()
          .valid(...PROCESS_NAMES)
          .required(),
        request_id: required(),
        event: required(),
        actor: required(),
        credential: nullable(),
        tenant: required(),
        ip: required(),
        user_agent: nullable(),
        method: required(),
        path: required(),
        permission: nullable(),
        status: Joi.number().integer().required(),
        result: Joi.string().valid('allowed', 'refused', 'failed').required(),
        target: nullable(),
        detail: Joi.string().max(8192).allow(null).required(),
      }),
    )
    .required(),
})

const entrySchema = Joi.object({
  seq: Joi.number().integer().required(),
  time: Joi.string().isoDate().required(),
}).unknown()

export const auditListSchema = Joi.object({
  entries: Joi.array().items(entrySchema).required(),
  next_cursor: Joi.string().description('There may be more; the page itself may be short, even empty'),
})

import Joi from 'joi'
import type { CollectorConfig } from '../config.ts'
import { cursorParam, limitParam, timeMember, timeParam } from '../parameters.ts'

export interface AuditFilter {
  /** Milliseconds since 1970, inclusive. */
  start_time?: number
  /** Milliseconds since 1970, inclusive. */
  end_time?: number
  /** A name; 'true' for any, 'false' for none. */
  security_event?: string
}

export interface AuditQuery extends AuditFilter {
  limit: number
  cursor?: string
}

const LIMIT_DEFAULT = 100

export const auditQuery = (config: CollectorConfig) =>
  Joi.object<AuditQuery, true>({
    start_time: timeParam().description('At or after: milliseconds or ISO 8601'),
    end_time: timeParam().description('At or before: milliseconds or ISO 8601'),
    security_event: Joi.string()
      .empty('')
      .pattern(/^[a-z_]{1,40}$/)
      .description(
        'true for any, false for none, or missing_credentials, invalid_key, insufficient_role, bad_token, ...',
      ),
    limit: limitParam(LIMIT_DEFAULT, config.AUDIT_LIST_MAX),
    cursor: cursorParam(),
  })

export const auditSchema = Joi.object({
  logs: Joi.array()
    .items(
      Joi.object({
        timestamp: timeMember(),
        method: Joi.string().required(),
        path: Joi.string().required(),
        tenantId: Joi.string().required(),
        ip: Joi.string().allow('').required(),
        userAgent: Joi.string(),
        statusCode: Joi.number().integer().required(),
        responseTime: Joi.number().required().description('Milliseconds'),
        securityEvent: Joi.string(),
        actor: Joi.string().description(
          'Who asked, as far as it is proven: account:<id>, key:<id>, tenant-key:<tenant>:<role>, ...; only for callers of the tenant',
        ),
      }),
    )
    .required(),
  count: Joi.number().integer().required().description('Entries in this answer'),
  nextCursor: Joi.string().description('When more follow'),
})

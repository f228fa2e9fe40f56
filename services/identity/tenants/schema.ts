import Joi from 'joi'
import type { Tenant } from '#shared/scope.ts'

export const TENANT_MAX_LENGTH = 64

/** Ids stand in headers, logs and settings: letters, digits, `-` and `_`. */
export const tenantId = () =>
  Joi.string<Tenant>()
    .max(TENANT_MAX_LENGTH)
    .pattern(/^[\dA-Za-z][\w-]*$/)
    .messages({ 'string.pattern.base': '{{#label}} must be letters, digits, - and _' })
    .example('team-a')

export interface TenantInput {
  id: Tenant
  name: string
}

const name = () => Joi.string().max(100)

export const createSchema = Joi.object<TenantInput, true>({ id: tenantId().required(), name: name().required() })
  .required()
  .label('body')

export const tenantParams = Joi.object<{ id: Tenant }, true>({ id: Joi.string<Tenant>().max(TENANT_MAX_LENGTH) })

/** Longer than any cursor that a list gives out. */
const CURSOR_MAX_LENGTH = 1000

export interface PageQuery {
  limit: number
  cursor?: string
}

export const page = (max: number): Joi.StrictSchemaMap<PageQuery> => ({
  limit: Joi.number().integer().min(1).max(max).empty('').default(max),
  cursor: Joi.string().max(CURSOR_MAX_LENGTH).empty('').description('next_cursor of the page before'),
})

export const querySchema = (max: number) => Joi.object<PageQuery, true>(page(max))

export const tenantSchema = Joi.object({
  id: Joi.string(),
  name: Joi.string(),
  members: Joi.number().integer(),
  created_at: Joi.string().isoDate(),
}).label('Tenant')

export const tenantsSchema = Joi.object({
  tenants: Joi.array().items(tenantSchema),
  next_cursor: Joi.string().description('Absent at the end'),
}).label('Tenants')

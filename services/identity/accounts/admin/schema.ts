import Joi from 'joi'
import { ROLES, type Role } from '#shared/permissions.ts'
import type { Owner, Tenant } from '#shared/scope.ts'
import { timeZone } from '#shared/time-zone.ts'
import { page, tenantId, type PageQuery } from '../../tenants/schema.ts'
import { email, locale, personName } from '../fields.ts'
import { accountSchema, linkSchema, STATES } from '../schema.ts'
import type { AccountState } from '../store.ts'

const ID_MAX_LENGTH = 64
const SEARCH_MAX_LENGTH = 100

export interface AccountsQuery extends PageQuery {
  state?: AccountState
  q?: string
}

export const querySchema = (max: number) =>
  Joi.object<AccountsQuery, true>({
    ...page(max),
    state: Joi.string()
      .valid(...STATES)
      .empty(''),
    q: Joi.string().max(SEARCH_MAX_LENGTH).empty('').description('Part of the name or the e-mail address'),
  })

export const accountParams = Joi.object<{ id: Owner }, true>({ id: Joi.string<Owner>().max(ID_MAX_LENGTH) })

export const roleParams = Joi.object<{ id: Owner; tenant: Tenant }, true>({
  id: Joi.string<Owner>().max(ID_MAX_LENGTH),
  tenant: Joi.string<Tenant>().max(ID_MAX_LENGTH),
})

const role = () => Joi.string<Role>().valid(...ROLES)

export interface InviteInput {
  email: string
  name: string
  tenant?: Tenant
  role: Role
  locale?: string
  time_zone?: string
}

export const inviteSchema = Joi.object<InviteInput, true>({
  email: email().required(),
  name: personName().required(),
  tenant: tenantId().description("Without it the administrator's own"),
  role: role().default('viewer'),
  locale: locale(),
  time_zone: timeZone(),
})
  .required()
  .label('body')

export interface RoleInput {
  tenant: Tenant
  role: Role
}

export const roleSchema = Joi.object<RoleInput, true>({ tenant: tenantId().required(), role: role().required() })
  .required()
  .label('body')

export const accountsSchema = Joi.object({
  accounts: Joi.array().items(accountSchema),
  next_cursor: Joi.string().description('Absent at the end'),
}).label('Accounts')

/** Where no mails are sent the link is in the answer. */
export const invitedSchema = accountSchema.concat(linkSchema).label('Invited')

import Joi from 'joi'
import { ROLES } from '#shared/permissions.ts'

const instant = () => Joi.string().isoDate().example('2026-11-14T00:30:00.000Z')

export const STATES = ['pending', 'approved', 'rejected', 'suspended', 'deleting'] as const

const fields = {
  id: Joi.string().guid(),
  email: Joi.string(),
  email_verified: Joi.boolean(),
  name: Joi.string(),
  state: Joi.string().valid(...STATES),
  awaits: Joi.array().items(Joi.string().valid('email', 'approval')).description('What a pending account waits for'),
  has_password: Joi.boolean(),
  locale: Joi.string(),
  time_zone: Joi.string(),
  tenants: Joi.array().items(Joi.object({ tenant: Joi.string(), role: Joi.string().valid(...ROLES) })),
  created_at: instant(),
  updated_at: instant(),
}

/** An account as accountView makes it. */
export const accountSchema = Joi.object(fields).label('Account')

export const meSchema = Joi.object({
  ...fields,
  second_factors: Joi.array()
    .items(Joi.string().valid('totp', 'recovery', 'passkey'))
    .description('What can be asked for after the password; empty when nothing is'),
}).label('Me')

export const linkSchema = Joi.object({
  set_password_url: Joi.string().uri().description('To be given to the person; good once'),
  expires_at: instant(),
}).label('SetPasswordLink')

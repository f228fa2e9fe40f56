import Joi from 'joi'
import { ROLES } from '#shared/permissions.ts'

const TOKEN_MAX_LENGTH = 128
const TENANT_MAX_LENGTH = 64

export interface RefreshInput {
  refresh_token?: string
  tenant?: string
}

const refreshToken = () =>
  Joi.string().max(TOKEN_MAX_LENGTH).description('Without it the cookie counts, and the answer sets cookies')

export const refreshSchema = Joi.object<RefreshInput, true>({
  refresh_token: refreshToken(),
  tenant: Joi.string().max(TENANT_MAX_LENGTH).description('Goes on in another tenant'),
})
  .empty(null)
  .default({})
  .label('body')

export interface LogoutInput {
  refresh_token?: string
}

export const logoutSchema = Joi.object<LogoutInput, true>({ refresh_token: refreshToken() })
  .empty(null)
  .default({})
  .label('body')

export const signedSchema = Joi.object({
  token_type: Joi.string().valid('Bearer').description('Like the two tokens absent when they are in cookies'),
  access_token: Joi.string().description('For `Authorization: Bearer`'),
  refresh_token: Joi.string().description('Good once: every refresh gives the next one'),
  expires_in: Joi.number().integer().required().description('Seconds for which the access token is good'),
  scope: Joi.string().required(),
  account: Joi.object().required(),
  tenant: Joi.string().required(),
  role: Joi.string()
    .valid(...ROLES)
    .required(),
}).label('Signed in')

export const sessionsSchema = Joi.object({
  sessions: Joi.array()
    .items(
      Joi.object({
        id: Joi.string().guid().required(),
        tenant: Joi.string().required(),
        amr: Joi.array().items(Joi.string()).required().description('How the person proved themselves (RFC 8176)'),
        ip: Joi.string().required().allow(''),
        user_agent: Joi.string().required().allow(''),
        created_at: Joi.string().isoDate().required(),
        last_used_at: Joi.string().isoDate().required(),
        expires_at: Joi.string().isoDate().required().description('Unless it is used before'),
        current: Joi.boolean().required().description('Whether it is the one that asks'),
      }).label('Session'),
    )
    .required(),
}).label('Sessions')

import Joi from 'joi'

const EMAIL_MAX_LENGTH = 254
/** Longer ones are nobody's password and would only cost time; 128 characters decomposed (NFD) are within it. */
const PASSWORD_MAX_LENGTH = 1024
const CODE_MAX_LENGTH = 64
const TENANT_MAX_LENGTH = 64
/** 256 bits in base64url, and room for what is none. */
const TOKEN_MAX_LENGTH = 128

export interface LoginInput {
  email: string
  password: string
  tenant?: string
  code?: string
  cookies: boolean
}

const code = () => Joi.string().max(CODE_MAX_LENGTH)

export const loginSchema = Joi.object<LoginInput, true>({
  email: Joi.string().max(EMAIL_MAX_LENGTH).required(),
  password: Joi.string().max(PASSWORD_MAX_LENGTH).required(),
  tenant: Joi.string()
    .max(TENANT_MAX_LENGTH)
    .description('Where to act; without it the tenant in which the account has been longest'),
  code: code().description('Of the app or a recovery code, when the account has a second factor'),
  cookies: Joi.boolean().default(false).description('For browsers: tokens come as cookies that no script can read'),
})
  .required()
  .label('body')

export interface CodeInput {
  mfa_token: string
  code: string
}

export const codeSchema = Joi.object<CodeInput, true>({
  mfa_token: Joi.string().max(TOKEN_MAX_LENGTH).required().description('From the answer to the password'),
  code: code().required(),
})
  .required()
  .label('body')

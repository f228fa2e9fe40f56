import Joi from 'joi'

/** Longer ones are of no use to a person, and cost time to hash. */
const PASSWORD_MAX_LENGTH = 1024
const CODE_MAX_LENGTH = 64

export interface PasswordInput {
  /** Proof that it is still the same person; an account without a password needs a fresh session instead. */
  password?: string
}
export const passwordSchema = Joi.object<PasswordInput, true>({
  password: Joi.string().max(PASSWORD_MAX_LENGTH).description('Of the account, when it has one'),
})
  .empty(null)
  .default({})
  .label('body')

export interface CodeInput {
  code: string
}
export const codeSchema = Joi.object<CodeInput, true>({
  code: Joi.string().max(CODE_MAX_LENGTH).required().description('What the app shows').example('492039'),
})
  .required()
  .label('body')

export const beginAnswer = Joi.object({
  secret: Joi.string().required().description('Base32, for apps that are typed into'),
  uri: Joi.string().required().description('otpauth://, to be shown as a QR code'),
}).label('TotpSecret')

export const codesAnswer = Joi.object({
  recovery_codes: Joi.array().items(Joi.string()).required().description('Each is good once; shown only now'),
}).label('RecoveryCodes')

export const factorsAnswer = Joi.object({
  methods: Joi.array()
    .items(Joi.string().valid('totp', 'recovery', 'passkey'))
    .required()
    .description('How the second step of a login can be passed; none: there is no second step'),
  totp: Joi.object({ enabled: Joi.boolean().required(), confirmed_at: Joi.string().isoDate() }).required(),
  recovery_codes: Joi.object({ remaining: Joi.number().integer().required() }).required(),
  passkeys: Joi.object({ count: Joi.number().integer().required() }).required(),
}).label('SecondFactors')

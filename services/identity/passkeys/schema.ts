import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import Joi from 'joi'

/** A key, an id of at most 1023 bytes and what is around them. */
const BINARY_MAX_LENGTH = 16_384
/** Base64url of 1023 bytes (WebAuthn Level 3, 4: Credential ID). */
const CREDENTIAL_ID_MAX_LENGTH = 1364
const NAME_MAX_LENGTH = 100
const TRANSPORTS_MAX = 10

const base64url = (max: number) =>
  Joi.string()
    .max(max)
    .pattern(/^[\w-]+$/)
    .message('{{#label}} must be base64url without padding')
const binary = () => base64url(BINARY_MAX_LENGTH)

/** Members that every answer of `navigator.credentials` has, as its toJSON() gives it (WebAuthn Level 3, 5.1). */
const credential = {
  id: base64url(CREDENTIAL_ID_MAX_LENGTH).required(),
  rawId: base64url(CREDENTIAL_ID_MAX_LENGTH).required(),
  type: Joi.string().valid('public-key').required(),
  authenticatorAttachment: Joi.string().valid('platform', 'cross-platform'),
  clientExtensionResults: Joi.object().default({}),
}

export interface RegisterInput {
  name: string
  credential: RegistrationResponseJSON
}
const name = () => Joi.string().trim().min(1).max(NAME_MAX_LENGTH).example('My phone')
export const registerSchema = Joi.object<RegisterInput, true>({
  name: name().default('Passkey'),
  credential: Joi.object<RegistrationResponseJSON>({
    ...credential,
    response: Joi.object({
      clientDataJSON: binary().required(),
      attestationObject: binary().required(),
      transports: Joi.array()
        .items(Joi.string().pattern(/^[a-z-]{1,32}$/))
        .max(TRANSPORTS_MAX)
        .default([]),
    }).required(),
  })
    .required()
    .description('What navigator.credentials.create() gave, by toJSON()'),
})
  .required()
  .label('body')

export interface LoginInput {
  credential: AuthenticationResponseJSON
  tenant?: string
  cookies?: boolean
}
export const loginSchema = Joi.object<LoginInput, true>({
  credential: Joi.object<AuthenticationResponseJSON>({
    ...credential,
    response: Joi.object({
      clientDataJSON: binary().required(),
      authenticatorData: binary().required(),
      signature: binary().required(),
      userHandle: binary().allow(null),
    }).required(),
  })
    .required()
    .description('What navigator.credentials.get() gave, by toJSON()'),
  tenant: Joi.string().max(255).description('To act in; the first one of the account without it'),
  cookies: Joi.boolean().description('A browser: tokens come as cookies that scripts cannot read'),
})
  .required()
  .label('body')

export interface RenameInput {
  name: string
}
export const renameSchema = Joi.object<RenameInput, true>({ name: name().required() }).required().label('body')

export const passkeyParams = Joi.object<{ id: string }>({ id: Joi.string().max(64).required() })

export const passkeyAnswer = Joi.object({
  id: Joi.string().guid().required(),
  name: Joi.string().required(),
  device_type: Joi.string().valid('singleDevice', 'multiDevice').required(),
  backed_up: Joi.boolean().required(),
  created_at: Joi.string().isoDate().required(),
  last_used_at: Joi.string().isoDate().allow(null).required(),
}).label('Passkey')
export const passkeysAnswer = Joi.object({ passkeys: Joi.array().items(passkeyAnswer).required() })
export const webauthnOptions = Joi.object({ challenge: Joi.string().required() })
  .unknown()
  .description('For navigator.credentials, by parseCreationOptionsFromJSON() or parseRequestOptionsFromJSON()')

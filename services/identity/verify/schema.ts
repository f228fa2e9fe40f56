import Joi from 'joi'
import type { Verified } from '#shared/verified.ts'

/** What a gateway asks about: one of key, basic and token. */
export interface VerifyInput {
  /** An API key. */
  key?: string
  /** Name and password as HTTP Basic carries them (RFC 7617). */
  basic?: { username: string; password: string }
  /** An access token of an application. */
  token?: string
  /** Address of the client. */
  ip?: string
}

/** As long as a header can be: what is too long for a credential is one that is not good, not a mistake of the gateway. */
const HEADER_MAX_LENGTH = 16_384
const IP_MAX_LENGTH = 64

const field = () => Joi.string().allow('').max(HEADER_MAX_LENGTH)

export const verify = Joi.object<VerifyInput, true>({
  key: field(),
  basic: Joi.object({ username: field().required(), password: field().required() }),
  token: field(),
  ip: Joi.string().allow('').max(IP_MAX_LENGTH),
})
  .xor('key', 'basic', 'token')
  .required()
  .label('body')

export const verified = Joi.object({
  active: Joi.boolean().required(),
  credential: Joi.string(),
  subjects: Joi.array().items(Joi.string()).description('What ends it when it is revoked'),
  user: Joi.string(),
  tenant: Joi.string(),
  role: Joi.string(),
  scope: Joi.string(),
  expires: Joi.number().integer().description('Milliseconds since 1970'),
} satisfies Record<keyof Verified | 'active', Joi.Schema>).label('Verified')

import Joi from 'joi'
import { timeZone } from '#shared/time-zone.ts'
import { email, locale, oneTimeToken, password, personName } from '../fields.ts'

export interface SignupInput {
  email: string
  password: string
  name: string
  locale?: string
  time_zone?: string
}

/** What a person may say about themselves; role, tenant and state are nobody's own to choose. */
export const signupSchema = Joi.object<SignupInput, true>({
  email: email().required(),
  password: password().required(),
  name: personName().required(),
  locale: locale(),
  time_zone: timeZone(),
})
  .required()
  .label('body')

export const tokenSchema = Joi.object<{ token: string }, true>({ token: oneTimeToken().required() })
  .required()
  .label('body')

import Joi from 'joi'
import { timeZone } from '#shared/time-zone.ts'
import { email, locale, password, personName } from '../fields.ts'

export interface MeInput {
  name: string
  locale: string
  time_zone: string
}

export const updateSchema = Joi.object<Partial<MeInput>, true>({
  name: personName(),
  locale: locale(),
  time_zone: timeZone(),
})
  .required()
  .label('body')

export interface EmailInput {
  email: string
  password?: string
}

export const emailSchema = Joi.object<EmailInput, true>({
  email: email().required(),
  password: password().description('Of an account that has one; without one the session must be fresh'),
})
  .required()
  .label('body')

import Joi from 'joi'
import { email, password, personName } from '../accounts/fields.ts'

export interface SetupInput {
  token: string
  email: string
  password: string
  name: string
}

export const setupSchema = Joi.object<SetupInput, true>({
  token: Joi.string().max(128).required().description('Printed at the start of a system without an administrator'),
  email: email().required(),
  password: password().required(),
  name: personName().required(),
})
  .required()
  .label('body')

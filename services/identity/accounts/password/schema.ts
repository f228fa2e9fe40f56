import Joi from 'joi'
import { oneTimeToken, password } from '../fields.ts'

export const resetSchema = Joi.object<{ token: string; password: string }, true>({
  token: oneTimeToken().required(),
  password: password().required(),
})
  .required()
  .label('body')

export interface ChangeInput {
  current_password?: string
  password: string
}

export const changeSchema = Joi.object<ChangeInput, true>({
  current_password: password().description('Of an account that has one; without one the session must be fresh'),
  password: password().required(),
})
  .required()
  .label('body')

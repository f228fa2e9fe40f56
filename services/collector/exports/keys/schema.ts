import Joi from 'joi'
import { timeMember } from '../../parameters.ts'

export interface RotateInput {
  withdraw: boolean
}

export const rotateInput = Joi.object<RotateInput, true>({
  withdraw: Joi.boolean()
    .default(false)
    .description('The present keys were stolen: they are deleted, and the new one signs every report'),
})
  .empty(null)
  .default({ withdraw: false })
  .label('body')

export interface KeyParams {
  kid: string
}
export const keyParams = Joi.object<KeyParams, true>({ kid: Joi.string().required() })

export const jwksSchema = Joi.object({
  keys: Joi.array().items(
    Joi.object({
      kty: Joi.string(),
      crv: Joi.string(),
      x: Joi.string(),
      kid: Joi.string(),
      alg: Joi.string(),
      use: Joi.string(),
    }),
  ),
})

export const rotatedSchema = Joi.object({
  keys: Joi.array().items(
    Joi.object({
      kid: Joi.string().required(),
      active: timeMember().description(
        'It signs the reports that came from then on, until the next one; 0 for the first one, which signs all before',
      ),
      createdAt: timeMember(),
    }),
  ),
})

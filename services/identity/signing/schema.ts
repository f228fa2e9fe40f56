import Joi from 'joi'

export interface RotateInput {
  withdraw: boolean
}

export const rotateSchema = Joi.object<RotateInput, true>({
  withdraw: Joi.boolean()
    .default(false)
    .description('The present keys were stolen: the new one signs at once, and what they signed is void'),
})
  .empty(null)
  .default({ withdraw: false })
  .label('body')

export const jwksSchema = Joi.object({
  keys: Joi.array().items(
    Joi.object({
      kty: Joi.string(),
      crv: Joi.string(),
      x: Joi.string(),
      kid: Joi.string(),
      alg: Joi.string(),
      use: Joi.string(),
    }).label('Key'),
  ),
}).label('KeySet')

export const signingKeysSchema = Joi.object({
  keys: Joi.array().items(
    Joi.object({
      kid: Joi.string(),
      state: Joi.string().valid('next', 'signing', 'retired'),
      created_at: Joi.string().isoDate(),
      signs_from: Joi.string().isoDate(),
      signs_until: Joi.string().isoDate().description('Missing while no other key is to follow'),
    }).label('SigningKey'),
  ),
}).label('SigningKeys')

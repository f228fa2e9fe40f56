import Joi from 'joi'

export interface AppPasswordInput {
  name: string
}

export const create = Joi.object<AppPasswordInput, true>({
  name: Joi.string().trim().min(1).max(100).required().example('Phone'),
})
  .required()
  .label('body')

const instant = () => Joi.string().isoDate()

export const appPassword = Joi.object({
  id: Joi.string(),
  name: Joi.string(),
  created_at: instant(),
  last_used_at: instant().allow(null).description('To the minute'),
}).label('AppPassword')

export const newAppPassword = appPassword
  .keys({ password: Joi.string().description('The password itself, shown this once') })
  .label('NewAppPassword')

export const appPasswords = Joi.object({ app_passwords: Joi.array().items(appPassword) }).label('AppPasswords')

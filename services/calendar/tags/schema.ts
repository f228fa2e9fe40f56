import Joi from 'joi'
import { color, instant } from '../fields.ts'

export interface TagInput {
  name: string
  color: string
}

const fields: Joi.StrictSchemaMap<TagInput> = { name: Joi.string().min(1).max(100), color: color() }
const update = Joi.object<Partial<TagInput>, true>(fields).required()

export const updateSchema = update.label('body')
export const createSchema = (update as Joi.ObjectSchema<TagInput>)
  .fork(['name', 'color'], (field) => field.required())
  .label('body')

export const tagSchema = Joi.object({
  id: Joi.string().guid(),
  ...fields,
  user_id: Joi.string(),
  created_at: instant(),
  updated_at: instant(),
}).label('Tag')
export const tagsSchema = Joi.array().items(tagSchema)

import Joi from 'joi'

export interface EventTagsInput {
  tagIds: string[]
}

export const replaceSchema = (max: number) =>
  Joi.object<EventTagsInput, true>({ tagIds: Joi.array().items(Joi.string()).max(max).required() })
    .required()
    .label('body')

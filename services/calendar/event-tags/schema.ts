import Joi from 'joi'

export interface EventTagsInput {
  tagIds: string[]
}

const ID_MAX = 255

export const replaceSchema = (max: number) =>
  Joi.object<EventTagsInput, true>({ tagIds: Joi.array().items(Joi.string().max(ID_MAX)).max(max).required() })
    .required()
    .label('body')

import Joi from 'joi'

export interface EntryImageParams {
  id: string
  imageId: string
}

const id = Joi.string().max(255).required()

export const entryImageParams = Joi.object<EntryImageParams, true>({ id, imageId: id })

/** What precedes the id in an image's URL, the one that a client puts into an `<img src>`. */
export const IMAGE_PATH = '/api/diaries/images/'
const IMAGE_URL = /(?:^|\/)api\/(?:diary\/)?diaries\/images\/([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/

/** The id in an image's URL, absolute or not; undefined when it is none of ours. */
export const imageIdOf = (url: string): string | undefined => IMAGE_URL.exec(url)?.[1]

import Joi from 'joi'

export interface DeletionInput {
  /** Of an account that has one; without one the session must be fresh. */
  password?: string
}

export const deletionSchema = Joi.object<DeletionInput, true>({ password: Joi.string().max(1024) })

export const accountParams = Joi.object<{ id: string }>({ id: Joi.string().max(64).required() })

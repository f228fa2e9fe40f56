import Joi from 'joi'
import { timeMember } from '../parameters.ts'

export interface SchemaParams {
  name: string
}

export const SCHEMA_NAME = /^[a-z][a-z\d-]{0,63}$/
export const schemaName = () => Joi.string().pattern(SCHEMA_NAME)
export const schemaParams = Joi.object<SchemaParams, true>({ name: schemaName().required() })

/** What a column of 32 bits holds. */
const VERSION_MAX = 2 ** 31 - 1

export interface SchemaQuery {
  version?: number
}
export const schemaQuery = Joi.object<SchemaQuery, true>({
  version: Joi.number().integer().min(1).max(VERSION_MAX).description('The newest without it'),
})

/** A JSON Schema as it was sent; `convert: false`, or a text would be read as JSON. */
export const schemaBody = Joi.alternatives(Joi.object().unknown(), Joi.boolean())
  .required()
  .options({ convert: false })
  .description('JSON Schema 2020-12 within the keywords that are understood')

const version = () => Joi.number().integer().required()

export const versionSchema = Joi.object({
  name: Joi.string().required(),
  version: version(),
  createdAt: timeMember(),
  schema: Joi.alternatives(Joi.object().unknown(), Joi.boolean()).required(),
  versions: Joi.array().items(Joi.object({ version: version(), createdAt: timeMember() })),
})

export const schemaListSchema = Joi.object({
  schemas: Joi.array()
    .items(Joi.object({ name: Joi.string().required(), version: version() }))
    .required(),
})

const count = () => Joi.number().integer().required()
export const replayedSchema = Joi.object({
  checked: count().description('Quarantined reports that were checked again'),
  moved: count().description('Those of them that fit now'),
})

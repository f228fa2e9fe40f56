import Joi from 'joi'
import type { CollectorConfig } from '../config.ts'
import { cursorParam, limitParam, timeMember } from '../parameters.ts'

export interface HistoryQuery {
  limit: number
  cursor?: string
}

const HISTORY_DEFAULT = 100

export const historyQuery = (config: CollectorConfig) =>
  Joi.object<HistoryQuery, true>({
    limit: limitParam(HISTORY_DEFAULT, config.SIGN_HISTORY_LIST_MAX),
    cursor: cursorParam(),
  })

export interface BundleQuery {
  token: string
}
/** A token that is missing or of any other form is refused by the handler, with 401 or 403. */
export const bundleQuery = Joi.object<BundleQuery, true>({ token: Joi.string().allow('').default('') })

export const signedSchema = Joi.object({
  token: Joi.string().required(),
  expiresAt: timeMember(),
  issuedAt: timeMember(),
  bundleUrl: Joi.string().required().description('Path of the download, token included; it needs no headers'),
})

export const historySchema = Joi.object({
  reportId: Joi.string().required(),
  history: Joi.array()
    .items(
      Joi.object({
        requestedBy: Joi.string().required(),
        issuedAt: timeMember(),
        expiresAt: timeMember(),
        createdAt: timeMember(),
        tokenPreview: Joi.string().required(),
      }),
    )
    .required(),
  count: Joi.number().integer().required().description('Entries in this answer'),
  nextCursor: Joi.string().description('When more follow'),
})

const size = () => Joi.number().integer().required().description('Bytes')

export const bundleMetaSchema = Joi.object({
  reportId: Joi.string().required(),
  files: Joi.array()
    .items(
      Joi.object({ name: Joi.string().required(), size: size(), checksum: Joi.string().hex().length(64).required() }),
    )
    .required(),
  totalFiles: Joi.number().integer().required(),
  totalSize: size(),
  estimatedZipSize: size(),
  checksums: Joi.object().unknown().required().description('SHA-256 by the name of the file'),
  createdAt: timeMember(),
  updatedAt: timeMember(),
})

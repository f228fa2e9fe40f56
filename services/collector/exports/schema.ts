import { LANGUAGES, type Language } from '#shared/language.ts'
import Joi from 'joi'
import type { CollectorConfig } from '../config.ts'
import { cursorParam, limitParam, timeMember } from '../parameters.ts'

/** What a link is for: the bundle, or the page for people. */
export const PURPOSES = ['bundle', 'html'] as const
export type Purpose = (typeof PURPOSES)[number]

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

const language = () =>
  Joi.string()
    .empty('')
    .valid(...LANGUAGES)

export interface SignInput {
  purpose: Purpose
  lang?: Language
  expires_in: number
  single_use: boolean
}

/** What a link shall be; nothing need be said, and the old senders say nothing. */
export const signInput = (config: CollectorConfig) => {
  const { SIGN_TOKEN_TTL_S: standard, SIGN_TOKEN_TTL_MAX_S: max } = config
  const usual = { purpose: 'bundle', expires_in: standard, single_use: false }
  return Joi.object<SignInput, true>({
    purpose: Joi.string()
      .valid(...PURPOSES)
      .default(usual.purpose)
      .description('bundle: the zip; html: the page for people'),
    lang: language().description('Language of what the link leads to; else by Accept-Language'),
    expires_in: Joi.number()
      .integer()
      .min(1)
      .max(Math.max(standard, max))
      .default(standard)
      .description('Seconds for which it is good'),
    single_use: Joi.boolean().default(false).description('It is good for one download, counted when that begins'),
  })
    .empty(null)
    .default(usual)
    .label('body')
}

export interface LinkParams {
  id: string
  link: string
}
export const linkParams = Joi.object<LinkParams, true>({
  id: Joi.string().required(),
  link: Joi.string().required().description('id of the link, as in the answer that made it and in the history'),
})

export interface LanguageQuery {
  lang: Language
}
/** The language is in the address alone, so that one address always leads to the same bytes. */
export const languageQuery = Joi.object<LanguageQuery, true>({ lang: language().default('en') })

export interface BundleQuery extends LanguageQuery {
  token: string
}
/** A token that is missing or of any other form is refused by the handler, with 401 or 403. */
const token = () => Joi.string().allow('').default('')
export const bundleQuery = Joi.object<BundleQuery, true>({ token: token(), lang: language().default('en') })

export interface PageQuery {
  token: string
  lang?: Language
}
export const pageQuery = Joi.object<PageQuery, true>({
  token: token(),
  lang: language().description('Else by Accept-Language'),
})

export const signedSchema = Joi.object({
  token: Joi.string().required(),
  expiresAt: timeMember(),
  issuedAt: timeMember(),
  url: Joi.string().required().description('Path of what it is for, token included; it needs no headers'),
  bundleUrl: Joi.string().description('The same, of a link to the bundle'),
  id: Joi.string().required().description('Names the link, for the history and to revoke it'),
  purpose: Joi.string().valid(...PURPOSES),
  singleUse: Joi.boolean(),
})

export const historySchema = Joi.object({
  reportId: Joi.string().required(),
  history: Joi.array()
    .items(
      Joi.object({
        id: Joi.string().required(),
        purpose: Joi.string().valid(...PURPOSES),
        singleUse: Joi.boolean(),
        requestedBy: Joi.string().required(),
        issuedAt: timeMember(),
        expiresAt: timeMember(),
        createdAt: timeMember(),
        tokenPreview: Joi.string().required(),
        usedAt: Joi.number().integer().description('When a link for one use was used'),
        revokedAt: Joi.number().integer(),
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
  estimatedZipSize: size().description('Bytes; it is exact'),
  checksums: Joi.object().unknown().required().description('SHA-256 by the name of the file'),
  keyId: Joi.string().required().description('Of the key that signed it, see GET /bundle-keys'),
  createdAt: timeMember(),
  updatedAt: timeMember(),
})

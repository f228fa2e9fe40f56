import Joi from 'joi'
import type { FeedAnswer, FeedQuery } from './feed.ts'
import type { Revocation } from './store.ts'

/** Longest wait of one request; shorter than what proxies between machines cut idle connections at. */
const WAIT_MAX_S = 25
const TEXT_MAX = 100

export const feedQuery = Joi.object<FeedQuery, true>({
  after: Joi.number().integer().min(0),
  epoch: Joi.string().max(TEXT_MAX),
  jwks: Joi.string().max(TEXT_MAX),
  wait_s: Joi.number().integer().min(0).max(WAIT_MAX_S).default(0),
})

const revocationSchema = Joi.object<Revocation, true>({
  subject: Joi.string().description('session:<id>, account:<id>, token:<id>, key:<id>, ...'),
  revoked: Joi.number().integer().description('Milliseconds since 1970: what was issued before is void'),
  expires: Joi.number().integer().description('Milliseconds since 1970: may be forgotten then'),
}).label('Revocation')

export const feedSchema = Joi.object<FeedAnswer, true>({
  epoch: Joi.string(),
  seq: Joi.number().integer(),
  revocations: Joi.array().items(revocationSchema),
  jwks: Joi.string().description('Hash of the published signing keys'),
}).label('Revocations')

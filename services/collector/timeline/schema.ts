import Joi from 'joi'
import type { CollectorConfig } from '../config.ts'
import { POLICY_VERSION_MAX_LENGTH } from '../ingest/severity.ts'
import { timeMember } from '../parameters.ts'
import { BUCKET_MS, DIMENSIONS, type BucketSize, type Dimension } from '../rollups/series-tally.ts'

export interface TimelineQuery {
  window_h: number
  bucket?: BucketSize | 'auto'
  rule?: string
  policy_version?: string
  by?: Dimension
  top: number
}

const WINDOW_DEFAULT_H = 24
const RULE_MAX_LENGTH = 1000
const TOP_DEFAULT = 10
const TOP_MAX = 100

export const BUCKET_SIZES = Object.keys(BUCKET_MS) as BucketSize[]

export const timelineQuery = (config: CollectorConfig) =>
  Joi.object<TimelineQuery, true>({
    window_h: Joi.number().integer().min(1).max(config.TIMELINE_MAX_H).default(WINDOW_DEFAULT_H),
    bucket: Joi.string()
      .empty('')
      .valid(...BUCKET_SIZES, 'auto')
      .description('Size of the buckets, an hour without it; auto is one that fits the window'),
    rule: Joi.string().empty('').normalize('NFC').max(RULE_MAX_LENGTH).description('Reports that judge by this rule'),
    policy_version: Joi.string().empty('').normalize('NFC').max(POLICY_VERSION_MAX_LENGTH),
    by: Joi.string()
      .empty('')
      .valid(...DIMENSIONS)
      .description('A series for each'),
    top: Joi.number()
      .integer()
      .min(1)
      .max(TOP_MAX)
      .default(TOP_DEFAULT)
      .description('With `by`: how many are shown apart, those first of which most was blocked'),
  })
    .oxor('rule', 'policy_version', 'by')
    .messages({ 'object.oxor': 'rule, policy_version and by exclude one another: only one of them may be given' })

const count = () => Joi.number().integer().required()
const counts = { info: count(), warn: count(), block: count() }
const buckets = Joi.array()
  .items(Joi.object({ time: timeMember(), ...counts }))
  .required()

export const timelineSchema = Joi.object({
  window_h: count(),
  bucket: Joi.string().valid(...BUCKET_SIZES),
  rule: Joi.string(),
  policy_version: Joi.string(),
  by: Joi.string().valid(...DIMENSIONS),
  incomplete: Joi.boolean().description(
    'In some bucket there were too many names, so that some reports of this one may be among those counted in common',
  ),
  buckets: buckets.optional(),
  series: Joi.array().items(Joi.object({ name: Joi.string().required(), ...counts, buckets })),
  other: Joi.object({
    ...counts,
    names: count().description('How many names these are, beside those counted in common'),
    incomplete: Joi.boolean().required().description('Some were counted in common, because there were too many names'),
    buckets,
  }),
})

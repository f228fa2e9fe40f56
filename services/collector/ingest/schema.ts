import Joi from 'joi'

/** A report as senders post it. Only `status` is needed; whatever else it has is kept as it came. */
export interface IngestInput {
  status: Record<string, unknown>
  /** A page that goes into the bundle beside the report, instead of one made from it. */
  markdown?: string | null
  [member: string]: unknown
}

/**
 * Looks at the top level only, and strips nothing: a field that is unknown today may matter to the sender, and a
 * refused report is sent again five times and then lost. `convert: false`, or '{"api":"pass"}' in text would pass as an object.
 */
export const ingestSchema = Joi.object<IngestInput>({
  status: Joi.object()
    .unknown()
    .required()
    .description('pass, warn, fail or na for api, jwks, holidays, observability, ics, lighthouse, ...'),
  diff: Joi.any().description('summary[] of {id, trend: up|down|flat, deltaPct}'),
  policy: Joi.any().description(
    '{policy_version, created_at, evaluations[]} with {rule_id, target, verdict, severity, message} or {rule, result, severity}',
  ),
  topN: Joi.any(),
  notes: Joi.any().description('Remarks, an array of texts'),
  raw: Joi.any().description('Whatever the sender wants to keep with the report'),
  markdown: Joi.string().allow('', null).description('Page for the bundle; kept beside the report, not in it'),
})
  .unknown()
  .options({ convert: false })
  .required()

export const ingestedSchema = Joi.object({
  id: Joi.string()
    .pattern(/^report-\d+-[\da-z]{9}$/)
    .required(),
  status: Joi.string().valid('ingested').required(),
})

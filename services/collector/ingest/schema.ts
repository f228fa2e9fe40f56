import Joi from 'joi'
import { schemaName } from '../schemas/schema.ts'

/** A report as senders post it. Only `status` is needed; whatever else it has is kept as it came. */
export interface IngestInput {
  status: Record<string, unknown>
  /** A page that goes into the bundle beside the report, instead of one made from it. */
  markdown?: string | null
  [member: string]: unknown
}

/** For the documents: what is looked at is in prepare.ts. What is unknown today may matter to the sender, so nothing is stripped. */
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

export interface IngestQuery {
  schema?: string
}
export const ingestQuery = Joi.object<IngestQuery, true>({
  schema: schemaName().empty('').description('Name of the schema that it is checked against; qc-report without it'),
})

export const ingestedSchema = Joi.object({
  id: Joi.string()
    .pattern(/^report-\d+-[\da-z]{9}$/)
    .required(),
  status: Joi.string().valid('ingested').required(),
})

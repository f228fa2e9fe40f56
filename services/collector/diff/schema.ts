import Joi from 'joi'
import { SEVERITIES } from '../ingest/severity.ts'
import { timeMember } from '../parameters.ts'
import { CHANGES, FINDING_CHANGES } from './compare.ts'

export interface DiffParams {
  id: string
  other: string
}
export const diffParams = Joi.object<DiffParams, true>({
  id: Joi.string().required().description('The report that was'),
  other: Joi.string().required().description('The report that is'),
})

const report = Joi.object({
  id: Joi.string().required(),
  createdAt: timeMember(),
  severity: Joi.string().valid(...SEVERITIES),
  policyVersion: Joi.string(),
}).required()
const change = Joi.string()
  .valid(...CHANGES)
  .required()
const summary = Joi.object({ trend: Joi.string().allow(''), deltaPct: Joi.number() })
const verdict = Joi.string().valid('pass', 'warn', 'block')
const count = () => Joi.number().integer().required()

export const diffSchema = Joi.object({
  from: report,
  to: report,
  severity: change,
  policyVersion: change,
  status: Joi.array()
    .items(
      Joi.object({
        name: Joi.string().allow('').required(),
        from: Joi.string().allow(''),
        to: Joi.string().allow(''),
        change,
      }),
    )
    .required(),
  findings: Joi.array()
    .items(
      Joi.object({
        fingerprint: Joi.string().required(),
        rule: Joi.string().required(),
        target: Joi.string().allow('').required(),
        message: Joi.string().allow('').required(),
        change: Joi.string()
          .valid(...FINDING_CHANGES)
          .required(),
        direction: Joi.string().valid('better', 'worse').description('Of a verdict that changed'),
        from: verdict,
        to: verdict,
      }),
    )
    .required()
    .description('Those that are open in one of the two'),
  summary: Joi.array()
    .items(Joi.object({ id: Joi.string().allow('').required(), from: summary, to: summary, change }))
    .required()
    .description('Members of diff.summary'),
  counts: Joi.object({
    new: count(),
    resolved: count(),
    still: count(),
    changed: count(),
    better: count(),
    worse: count(),
  })
    .required()
    .description('Findings by their change; better and worse are statuses'),
})

import type { FieldError } from '#shared/problem.ts'
import Joi from 'joi'
import { LABEL_MAX_LENGTH } from '../../ingest/labels.ts'
import { POLICY_VERSION_MAX_LENGTH, SEVERITIES, type Severity } from '../../ingest/severity.ts'
import { schemaName } from '../../schemas/schema.ts'

/** A report with everything that is stored of it. Times are milliseconds since 1970. */
export interface WholeReport {
  id: string
  createdAt: number
  updatedAt: number
  severity: Severity | null
  policyVersion: string | null
  schemaName: string | null
  /** JSON text. */
  labels: string | null
  markdown: string | null
  /** 1 for one that does not fit its schema. */
  quarantined: number
  /** JSON text. */
  errors: string | null
  /** JSON text. */
  report: string
}

/** A report as a line of an archive says it. */
export interface ArchivedReport {
  id: string
  createdAt: number
  updatedAt: number
  severity?: Severity
  policyVersion?: string
  schemaName?: string
  labels?: Record<string, unknown>
  state: 'stored' | 'quarantined'
  errors?: FieldError[]
  markdown?: string
  report: Record<string, unknown>
}

const optional = (name: string, json: string | null) => (json === null ? '' : `"${name}":${json},`)
const quoted = (value: string | null) => (value === null ? null : JSON.stringify(value))

/** One line of an archive, without its end. The same report always gives the same text: it is what is verified. */
export const lineOf = (row: WholeReport): string =>
  `{"id":${JSON.stringify(row.id)},"createdAt":${row.createdAt},"updatedAt":${row.updatedAt},` +
  optional('severity', quoted(row.severity)) +
  optional('policyVersion', quoted(row.policyVersion)) +
  optional('schemaName', quoted(row.schemaName)) +
  optional('labels', row.labels) +
  `"state":"${row.quarantined === 0 ? 'stored' : 'quarantined'}",` +
  optional('errors', row.errors) +
  optional('markdown', quoted(row.markdown)) +
  `"report":${row.report}}`

/** What a report may have for an id: it stands in paths, and has the report's time in it. */
const ID = /^report-(\d{1,16})-[\da-z]{9}$/
const time = () => Joi.number().integer().min(0).max(8.64e15).required()

/** More than any LABEL_ALLOWLIST names: they are searched by, each is in an index. */
const LABELS_MAX = 64
const LABEL_NAME_MAX_LENGTH = 255

/** What a line must be to be restored: within what a report may have that comes for the first time. */
export const archivedReport = Joi.object<ArchivedReport, true>({
  id: Joi.string().pattern(ID).required(),
  createdAt: time(),
  updatedAt: time(),
  severity: Joi.string().valid(...SEVERITIES),
  policyVersion: Joi.string().max(POLICY_VERSION_MAX_LENGTH),
  schemaName: schemaName(),
  labels: Joi.object()
    .pattern(Joi.string().max(LABEL_NAME_MAX_LENGTH), Joi.string().max(LABEL_MAX_LENGTH))
    .max(LABELS_MAX),
  state: Joi.string().valid('stored', 'quarantined').required(),
  errors: Joi.array().items(Joi.object({ in: Joi.string(), field: Joi.string().allow(''), message: Joi.string() })),
  markdown: Joi.string(),
  report: Joi.object().unknown().required(),
})
  .custom((line: ArchivedReport, helpers: Joi.CustomHelpers) =>
    ID.exec(line.id)?.[1] === String(line.createdAt)
      ? line
      : helpers.message({ custom: 'its id must have its createdAt in it' }),
  )
  .prefs({ convert: false })

import { LANGUAGES, type Language } from '#shared/language.ts'
import Joi from 'joi'
import { SEVERITIES, type Severity } from '../../ingest/severity.ts'
import { timeParam } from '../../parameters.ts'
import { STATES, type State } from '../../reports/schema.ts'

export interface ExportQuery {
  from: number
  to?: number
  format: 'ndjson' | 'zip'
  severity?: Severity
  state?: State
  lang: Language
}

export const exportQuery = Joi.object<ExportQuery, true>({
  from: timeParam().default(0).description('First moment; the first report without it'),
  to: timeParam().description('Last moment; now without it'),
  format: Joi.string()
    .empty('')
    .valid('ndjson', 'zip')
    .default('ndjson')
    .description('ndjson: a report a line, as GET /reports/:id answers; zip: files, checksums and a signature'),
  severity: Joi.string()
    .empty('')
    .valid(...SEVERITIES),
  state: Joi.string()
    .empty('')
    .valid(...STATES),
  lang: Joi.string()
    .empty('')
    .valid(...LANGUAGES)
    .default('en')
    .description('Language of the pages in a zip'),
})

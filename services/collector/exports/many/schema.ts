import { LANGUAGES, type Language } from '#shared/language.ts'
import Joi from 'joi'
import { timeParam } from '../../parameters.ts'
import { SEVERITY_ORDER, type WantedSeverity } from '../../reports/list.ts'
import { STATES, type State } from '../../reports/schema.ts'

export interface ExportQuery {
  from: number
  to?: number
  format: 'ndjson' | 'zip'
  severity?: WantedSeverity
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
    .valid(...SEVERITY_ORDER)
    .description('none: reports without any'),
  state: Joi.string()
    .empty('')
    .valid(...STATES),
  lang: Joi.string()
    .empty('')
    .valid(...LANGUAGES)
    .default('en')
    .description('Language of the pages in a zip'),
})

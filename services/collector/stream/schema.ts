import Joi from 'joi'
import { SEVERITIES, type Severity } from '../ingest/severity.ts'
import { cursorParam } from '../parameters.ts'
import { STATES, type State } from '../reports/schema.ts'

export interface StreamQuery {
  severity?: Severity
  state?: State
  last_event_id?: string
}

export const streamQuery = Joi.object<StreamQuery, true>({
  severity: Joi.string()
    .empty('')
    .valid(...SEVERITIES),
  state: Joi.string()
    .empty('')
    .valid(...STATES),
  last_event_id: cursorParam().description('For clients that cannot send Last-Event-ID'),
})

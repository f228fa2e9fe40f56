import Joi from 'joi'
import { cursorParam } from '../parameters.ts'
import { SEVERITY_ORDER, type WantedSeverity } from '../reports/list.ts'
import { STATES, type State } from '../reports/schema.ts'

export interface StreamQuery {
  severity?: WantedSeverity
  state?: State
  last_event_id?: string
}

export const streamQuery = Joi.object<StreamQuery, true>({
  severity: Joi.string()
    .empty('')
    .valid(...SEVERITY_ORDER)
    .description('none: reports without any'),
  state: Joi.string()
    .empty('')
    .valid(...STATES),
  last_event_id: cursorParam().description('For clients that cannot send Last-Event-ID'),
})

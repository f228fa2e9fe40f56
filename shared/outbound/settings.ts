import type Joi from 'joi'
import { integer, text, type Settings } from '../config.ts'
import { allowFault } from './allowed.ts'

export interface OutboundConfig {
  OUTBOUND_ALLOW?: string
  OUTBOUND_TIMEOUT_MS: number
  OUTBOUND_ANSWER_MAX_BYTES: number
}

/** Settings of every process that sends requests to addresses which somebody typed in. */
export const outboundSettings: Settings<OutboundConfig> = {
  OUTBOUND_ALLOW: text()
    .custom((value: string, helpers: Joi.CustomHelpers) => {
      const fault = allowFault(value)
      return fault === undefined ? value : helpers.message({ custom: `OUTBOUND_ALLOW ${fault}` })
    })
    .description(
      'Hosts, addresses and networks (CIDR), by commas, that requests may go to although they are not public or speak plain HTTP',
    ),
  OUTBOUND_TIMEOUT_MS: integer(10, 60_000)
    .default(5000)
    .description('Time for a whole request to another system: looking its name up, connecting, and its answer'),
  OUTBOUND_ANSWER_MAX_BYTES: integer(0, 1e8)
    .default(1_048_576)
    .description('Most of such an answer that is read; beyond, the request counts as failed'),
}

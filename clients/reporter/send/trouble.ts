import { retryAfterMs } from './backoff.ts'
import type { Posted } from './post.ts'
import { refusalErrors } from './verdicts.ts'

/** Why a round of sending ended with reports still waiting. */
export interface Trouble {
  /**
   * `unreachable`: no answer. `busy`: 408, 429 or 5xx. `not-a-collector`: something else answered. `refused`: the key, the
   * tenant or the address is wrong. `item`: only some reports are to be sent again. `storage`: it cannot be read.
   */
  kind: 'unreachable' | 'busy' | 'not-a-collector' | 'refused' | 'item' | 'storage' | 'aborted'
  message: string
  /** HTTP status, when there was an answer. */
  status?: number
  /** What the service asked to wait, in milliseconds. */
  retryAfter?: number
}

/** Sending goes on by itself after these. The others need somebody to do something first. */
export const isPassing = ({ kind }: Trouble): boolean => kind !== 'refused' && kind !== 'aborted'

/** Refusals that are about who is asking and where, and say nothing about the report. */
const OF_THE_CALLER: ReadonlySet<number> = new Set([401, 403, 404, 405, 407])
const AGAIN: ReadonlySet<number> = new Set([408, 429])

const isTaken = (status: number) => status >= 200 && status < 300

/** What an answer means for sending as a whole; undefined when it is about its report or batch alone. */
export function troubleOf(answer: Posted): Trouble | undefined {
  const { status } = answer
  if ('reason' in answer) {
    return { kind: answer.reason === 'aborted' ? 'aborted' : 'unreachable', message: answer.message }
  }
  if (isTaken(status)) return undefined
  const message = refusalErrors(status, answer.text)
    .map((error) => error.message)
    .join('; ')
  if (OF_THE_CALLER.has(status)) return { kind: 'refused', status, message }
  if (status < 500 && status >= 400 && !AGAIN.has(status)) return undefined
  const retryAfter = retryAfterMs(answer.headers)
  const kind = status < 400 ? 'not-a-collector' : 'busy'
  return { kind, status, message, ...(retryAfter === undefined ? {} : { retryAfter }) }
}

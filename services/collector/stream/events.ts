import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import { Problem } from '#shared/problem.ts'
import type { ReportItem } from '../reports/list.ts'

/** Time after which a reader that lost its stream comes again, in milliseconds. */
const RETRY_MS = 3000

/** @see https://html.spec.whatwg.org/multipage/server-sent-events.html (9.2.6) */
export const eventOf = (seq: number, item: ReportItem): string =>
  `id: ${encodeCursor([seq])}\nevent: report\ndata: ${JSON.stringify(item)}\n\n`

/** The begin: from where the reader goes on when it comes again. An id without data is remembered and is no event. */
export const beginAt = (place: number): string => `retry: ${RETRY_MS}\nid: ${encodeCursor([place])}\n\n`

/** Nothing but a sign of life; the id passes over what the reader does not want to see. */
export const heartbeatAt = (place: number): string => `: alive\nid: ${encodeCursor([place])}\n\n`

/** @throws Problem invalid-input for what is no id of an event */
export function placeOf(lastEventId: string): number {
  try {
    return decodeCursor(lastEventId, ['number'])[0] as number
  } catch (cause) {
    throw new Problem('invalid-input', { detail: 'Last-Event-ID is not the id of an event of this stream', cause })
  }
}

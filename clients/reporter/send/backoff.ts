export interface BackoffOptions {
  /** Longest wait after the first failure, in milliseconds. */
  baseMs: number
  /** Longest wait ever, in milliseconds. */
  maxMs: number
}

/** A longer one is not waited for: timers of more than 24 days fire at once, and no service means it. */
export const RETRY_AFTER_MAX_MS = 86_400_000

const SECONDS = /^\d{1,15}$/
/** The three forms of a date in RFC 9110, section 5.6.7, begin with the name of a day. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /

/** An HTTP date in milliseconds since 1970; undefined for anything else. */
function timeOf(text: string | null): number | undefined {
  if (text === null || !HTTP_DATE.test(text)) return undefined
  // The oldest of the three forms names no zone and means UTC, where Date.parse takes it for local time.
  const time = Date.parse(/ (GMT|UTC)$/.test(text) ? text : `${text} GMT`)
  return Number.isNaN(time) ? undefined : time
}

/**
 * What `Retry-After` says (RFC 9110, section 10.2.3), in milliseconds from now; undefined when it says nothing to go by. A
 * date is measured by the server's own clock when the answer tells it.
 */
export function retryAfterMs(headers: { get(name: string): string | null }, now = Date.now()): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? ''
  const time = timeOf(value)
  const wait = SECONDS.test(value)
    ? Number(value) * 1000
    : time === undefined
      ? undefined
      : time - (timeOf(headers.get('date')) ?? now)
  return wait === undefined ? undefined : Math.min(Math.max(wait, 0), RETRY_AFTER_MAX_MS)
}

/**
 * How long to wait after so many failures in a row, in milliseconds: anything up to a bound that doubles ("full jitter"), so
 * that a thousand senders do not come back in the same second. What the service asked for is the least.
 */
export function backoffMs(
  failures: number,
  { baseMs, maxMs }: BackoffOptions,
  { retryAfter = 0, random = Math.random }: { retryAfter?: number; random?: () => number } = {},
): number {
  const bound = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30))
  return retryAfter + Math.round(random() * (retryAfter === 0 ? bound : Math.min(bound, baseMs)))
}

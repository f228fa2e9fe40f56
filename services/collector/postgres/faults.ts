import { Problem } from '#shared/problem.ts'

/** SQLSTATE classes and codes (https://www.postgresql.org/docs/15/errcodes-appendix.html). */
const CONNECTION = /^(?:08|57P0[1-5]|53300)/
const FULL = /^(?:53100)/
const TIMEOUT = /^(?:57014|55P03)/
/** A standby, or one that was made read-only for a switch-over. */
const READ_ONLY = /^25006/
const RETRIED = /^(?:40001|40P01)/
/** A prepared statement is not there, or is there already: another server process answers than before. */
const FORGOTTEN = /^(?:26000|42P05)/
/** What pg itself says, without a code, when a connection ends or does not come about. */
const LOST = /terminated|connection error|not queryable|timeout|ended|closed/i
const NETWORK = /^(?:E[A-Z]{3,}|ERR_SOCKET|ERR_SSL|ERR_TLS)/

const codeOf = (error: unknown): string => String((error as { code?: unknown } | undefined)?.code ?? '')
/** SQLSTATE is five characters. */
const isFromServer = (error: unknown): boolean => /^[\dA-Z]{5}$/.test(codeOf(error)) && 'severity' in (error as object)

/** No connection came about, for whatever reason: nothing was sent. */
export class NotConnected extends Error {
  constructor(cause: unknown) {
    super((cause as Error).message, { cause })
    this.name = 'NotConnected'
  }
}

/** Whether the connection is gone, so that nobody knows what became of what was sent. */
export function isLost(error: unknown): boolean {
  if (error instanceof Problem) return false
  if (error instanceof NotConnected) return true
  if (isFromServer(error)) return CONNECTION.test(codeOf(error))
  return NETWORK.test(codeOf(error)) || LOST.test((error as Error | undefined)?.message ?? '')
}

/** Whether the connection has lost the statements that were prepared on it. */
export const isForgotten = (error: unknown): boolean => isFromServer(error) && FORGOTTEN.test(codeOf(error))

/** Whether the same transaction may succeed when it is done once more. */
export const isRetried = (error: unknown): boolean =>
  (isFromServer(error) && RETRIED.test(codeOf(error))) || isForgotten(error)

const RETRY_LATER = { 'retry-after': '1' }

/** What a caller is answered for an error of the database: its troubles are 503 or 507, the rest is ours. */
export function problemOf(error: unknown): unknown {
  if (error instanceof Problem) return error
  const unavailable = (detail: string) => new Problem('unavailable', { detail, headers: RETRY_LATER, cause: error })
  if (isLost(error)) return unavailable('The database is not reachable')
  if (!isFromServer(error)) return error
  const code = codeOf(error)
  if (FULL.test(code))
    return new Problem('storage-full', { detail: 'The disk is full; nothing was changed', cause: error })
  if (TIMEOUT.test(code)) return unavailable('The database took too long')
  if (READ_ONLY.test(code)) return unavailable('The database takes no writes at the moment')
  return RETRIED.test(code) ? unavailable('Others changed the same at the same time') : error
}

import { randomUUID } from 'node:crypto'

const SAFE = /^[\w-]{1,64}$/

/** A new request id, for a request that begins here. */
export const newRequestId = (): string => randomUUID()

/** A caller's `X-Request-Id` when it is short and harmless, else a new one. */
export function requestIdOf(offered: string | string[] | undefined): string {
  return typeof offered === 'string' && SAFE.test(offered) ? offered : newRequestId()
}

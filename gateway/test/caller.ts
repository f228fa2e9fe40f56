import { ASSERTION_HEADER, verifyAssertion, type Claims } from '#shared/assertion.ts'
import { SECRET } from './gateway.ts'
import type { Origin } from './origin.ts'
import type { UpstreamName } from '../upstreams.ts'

const MS_PER_S = 1000

/** Whom the gateway vouched for in the last request that a service got; undefined when it got none. */
export function lastCaller(gateway: Record<UpstreamName, Origin>, upstream: UpstreamName): Claims | undefined {
  const token = gateway[upstream].received.at(-1)?.headers[ASSERTION_HEADER]
  if (typeof token !== 'string') return undefined
  return verifyAssertion(SECRET, token, upstream, Math.floor(Date.now() / MS_PER_S))
}

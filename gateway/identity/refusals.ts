import { Problem } from '#shared/problem.ts'
import type { Route } from '../upstreams.ts'

/**
 * Why a credential is not accepted. `invalid` ones say that it is none, so that open access may go on without it; the
 * others are refused everywhere, because nobody knows, or because somebody else is behind them.
 */
export const REASONS = {
  malformed: { kind: 'invalid', detail: 'The credential is not well-formed' },
  'too-long': { kind: 'invalid', detail: 'The credential is too long' },
  scheme: { kind: 'invalid', detail: 'This kind of credential is not accepted here' },
  header: { kind: 'invalid', detail: 'The token is not one of ours' },
  'unknown-key': { kind: 'invalid', detail: 'The token is not one of ours' },
  signature: { kind: 'invalid', detail: 'The token is not one of ours' },
  claims: { kind: 'invalid', detail: 'The token is not for this' },
  'not-yet-valid': { kind: 'invalid', detail: 'The token is not valid yet' },
  expired: { kind: 'invalid', detail: 'The token has expired' },
  revoked: { kind: 'invalid', detail: 'The credential has been revoked' },
  inactive: { kind: 'invalid', detail: 'The credential is not valid' },
  'cross-origin': { kind: 'cross-origin', detail: 'Another site may not do this with your credentials' },
  budget: { kind: 'too-many', detail: 'Too many credentials were tried from this network; try again later' },
  unverifiable: { kind: 'unavailable', detail: 'Credentials cannot be verified at the moment' },
  overloaded: { kind: 'unavailable', detail: 'Too many credentials are being verified at the moment' },
} as const satisfies Record<string, { kind: string; detail: string }>

export type Reason = keyof typeof REASONS

/** Seconds after which the answer may be another one. */
const RETRY_AFTER_S = { 'too-many': '60', unavailable: '1' } as const

/** The challenge of a 401: Basic for calendar clients, which know nothing else, else Bearer (RFC 6750 section 3). */
function challenge(route: Route, reason?: Reason): string {
  if (route.authorization === 'basic') return 'Basic realm="Najimban", charset="UTF-8"'
  return reason === undefined ? 'Bearer' : `Bearer error="invalid_token", error_description="${REASONS[reason].detail}"`
}

/** Whether a request with such a credential is refused even where nobody has to have one. */
export const isFinal = (reason: Reason): boolean => REASONS[reason].kind !== 'invalid'

/** The answer to a request whose credential is refused, or which has none. */
export function refusal(route: Route, reason?: Reason): Problem {
  const { kind, detail } = reason === undefined ? { kind: 'invalid', detail: 'Sign in to use this' } : REASONS[reason]
  switch (kind) {
    case 'cross-origin':
      return new Problem('forbidden', { detail })
    case 'too-many':
      return new Problem('too-many-requests', { detail, headers: { 'retry-after': RETRY_AFTER_S[kind] } })
    case 'unavailable':
      return new Problem('unavailable', { detail, headers: { 'retry-after': RETRY_AFTER_S[kind] } })
    default:
      return new Problem('unauthenticated', { detail, headers: { 'www-authenticate': challenge(route, reason) } })
  }
}

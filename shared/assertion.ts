import { timingSafeEqual } from 'node:crypto'
import { createHmacSha256, HMAC_INPUT_MAX } from './hmac.ts'

/** The header in which the gateway vouches for a request to a service. */
export const ASSERTION_HEADER = 'x-najimban-assertion'

/** Seconds for which an assertion is good. */
export const ASSERTION_TTL_S = 60

/** Claims of the gateway about one request; names as in RFC 7519 and RFC 9068 where they exist. */
export interface Claims {
  /** The service that it is made for. */
  aud: string
  /** Expiry, seconds since 1970. */
  exp: number
  /** The user, absent for a caller without one (collector keys, anonymous). */
  sub?: string
  tenant: string
  roles: readonly string[]
  /** Scopes that the credential is limited to, separated by spaces (RFC 6749 3.3); absent for one without limits. */
  scope?: string
  /** The verified credential, `session:<id>`, `key:<id>` ...; absent in open access and for anonymous callers. */
  cred?: string
  /** Request id. */
  rid: string
  /** Address of the client. */
  ip: string
}

/** Fixed JOSE header: one algorithm and nothing to choose, so there is nothing to confuse (RFC 8725 3.1). */
const HEADER = Buffer.from('{"alg":"HS256","typ":"najimban+jwt"}').toString('base64url')

let prepared = { secret: '', mac: createHmacSha256('') }

/** MAC in base64url. A process has one secret, so the last one's key is kept ready. */
function mac(secret: string, input: string): string {
  if (prepared.secret !== secret) prepared = { secret, mac: createHmacSha256(secret) }
  return prepared.mac(input)
}

/** Signs claims as a compact JWS (RFC 7515) with HS256. */
export function signAssertion(secret: string, claims: Claims): string {
  const input = `${HEADER}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
  return `${input}.${mac(secret, input)}`
}

/**
 * Checks signature (constant time), audience and expiry.
 * @param now seconds since 1970
 * @returns the claims, or undefined when anything is wrong
 */
export function verifyAssertion(secret: string, token: string, audience: string, now: number): Claims | undefined {
  const end = token.lastIndexOf('.')
  if (end < 0 || end > HMAC_INPUT_MAX || !token.startsWith(`${HEADER}.`)) return undefined
  const signature = Buffer.from(token.slice(end + 1))
  const expected = Buffer.from(mac(secret, token.slice(0, end)))
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return undefined
  const claims = JSON.parse(Buffer.from(token.slice(HEADER.length + 1, end), 'base64url').toString()) as Claims
  if (claims.aud !== audience || claims.exp < now || claims.exp > now + ASSERTION_TTL_S + 1) return undefined
  return claims
}

import type { Role } from './permissions.ts'

/** What every access token of a session has in common; its verifier takes nothing else (RFC 8725, RFC 9068). */
export const ACCESS_TOKEN = { alg: 'EdDSA', typ: 'at+jwt', audience: 'najimban' } as const

/** Claims of an access token (RFC 9068 section 2.2). */
export interface AccessClaims {
  iss: string
  aud: string
  /** The account. */
  sub: string
  /** Seconds since 1970. */
  iat: number
  nbf: number
  exp: number
  jti: string
  /** The session. */
  sid: string
  tenant: string
  role: Role
  /** Scopes, separated by spaces. */
  scope: string
  /** How the person proved themselves (RFC 8176). */
  amr: readonly string[]
}

/** Cookies of a browser's session; the prefix makes browsers refuse them from anywhere but this very host (RFC 6265bis 4.1.3). */
export const SESSION_COOKIES = { access: '__Host-najimban-access', refresh: '__Host-najimban-refresh' } as const

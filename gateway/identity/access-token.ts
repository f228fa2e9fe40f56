import { decodeProtectedHeader, errors, jwtVerify } from 'jose'
import { ACCESS_TOKEN, type AccessClaims } from '#shared/access-token.ts'
import { ROLES } from '#shared/permissions.ts'
import { asOwner, asTenant } from '#shared/scope.ts'
import type { GatewayConfig } from '../config.ts'
import { budgetOf, type Identity } from './identity.ts'
import type { Reason } from './refusals.ts'
import type { SigningKeys } from './signing-keys.ts'

/** Never compared before. */
const UNCHECKED = -1
const MS_PER_S = 1000
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/
const TEXTS = ['sub', 'jti', 'sid', 'tenant', 'scope', 'aud'] as const
const TIMES = ['iat', 'nbf', 'exp'] as const
const TEXT_MAX_LENGTH = 1024

/**
 * The key id of a token whose protected header says exactly what ours say; undefined for every other. So neither an algorithm
 * nor a place to get a key from (`jku`, `x5u`, `jwk`, `x5c`) nor an extension (`crit`, `b64`) can be chosen (RFC 8725 3.1, 3.10).
 */
export function keyIdOf(token: string): string | undefined {
  if (!COMPACT.test(token)) return undefined
  try {
    const header = decodeProtectedHeader(token)
    const { alg, typ, kid } = header
    const isOurs = Object.keys(header).length === 3 && alg === ACCESS_TOKEN.alg && typ === ACCESS_TOKEN.typ
    return isOurs && typeof kid === 'string' ? kid : undefined
  } catch {
    return undefined
  }
}

function reasonOf(error: unknown): Reason {
  if (error instanceof errors.JWTExpired) return 'expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'nbf' && error.reason === 'check_failed' ? 'not-yet-valid' : 'claims'
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature'
  if (error instanceof errors.JOSEError) return 'malformed'
  throw error
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '' && value.length <= TEXT_MAX_LENGTH

/** Whether the claims are of the kinds that they must be; that they are right is checked elsewhere. */
const areClaims = (claims: AccessClaims): boolean =>
  TEXTS.every((name) => isText(claims[name])) &&
  TIMES.every((name) => Number.isFinite(claims[name])) &&
  ROLES.includes(claims.role)

/** Verifies access tokens of sessions by identity's published keys (RFC 9068 section 4). */
export function createAccessTokens(
  keys: Pick<SigningKeys, 'find'>,
  config: Pick<GatewayConfig, 'PUBLIC_URL' | 'CLOCK_TOLERANCE_S'>,
) {
  const { PUBLIC_URL: issuer, CLOCK_TOLERANCE_S: clockTolerance } = config
  const options = {
    algorithms: [ACCESS_TOKEN.alg],
    typ: ACCESS_TOKEN.typ,
    audience: ACCESS_TOKEN.audience,
    issuer,
    clockTolerance,
    requiredClaims: [...TEXTS, ...TIMES, 'role'],
  }
  /** @throws Error when nobody knows, because the keys cannot be had */
  return async (token: string, kid: string): Promise<Identity | Reason> => {
    const key = await keys.find(kid)
    if (key === undefined) return 'unknown-key'
    let claims: AccessClaims
    try {
      const { payload } = await jwtVerify<AccessClaims>(token, key, options)
      claims = payload
    } catch (error) {
      return reasonOf(error)
    }
    if (!areClaims(claims)) return 'claims'
    if (claims.iat > Date.now() / MS_PER_S + clockTolerance) return 'not-yet-valid'
    const { sub, sid, jti, tenant, role, scope, iat, exp } = claims
    const credential = `session:${sid}`
    return {
      credential,
      user: asOwner(sub),
      tenant: asTenant(tenant),
      roles: [role],
      scope,
      subjects: [credential, `account:${sub}`, `token:${jti}`],
      issued: iat * MS_PER_S,
      expires: (exp + clockTolerance) * MS_PER_S,
      basic: false,
      budget: budgetOf(sub, credential),
      checked: UNCHECKED,
    }
  }
}

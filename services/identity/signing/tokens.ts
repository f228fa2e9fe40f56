import { SignJWT } from 'jose'
import { randomUUID } from 'node:crypto'
import { ACCESS_TOKEN } from '#shared/access-token.ts'
import { scopesOf, type Role } from '#shared/permissions.ts'
import type { Owner, Tenant } from '#shared/scope.ts'
import type { IdentityConfig } from '../config.ts'
import type { SigningKeys } from './keys.ts'

export interface AccessGrant {
  account: Owner
  /** Id of the session. */
  session: string
  tenant: Tenant
  role: Role
  /** How the person proved themselves (RFC 8176). */
  amr: readonly string[]
  /** Scopes, separated by spaces; without it all that the role reaches. */
  scope?: string
}

export interface AccessToken {
  access_token: string
  token_type: 'Bearer'
  /** Seconds. */
  expires_in: number
  scope: string
}

export type AccessTokens = ReturnType<typeof createAccessTokens>

/** Makes access tokens of sessions: JWT profile of RFC 9068, signed with EdDSA. */
export function createAccessTokens(
  keys: Pick<SigningKeys, 'signer'>,
  config: Pick<IdentityConfig, 'ACCESS_TOKEN_TTL_S' | 'PUBLIC_URL'>,
  now: () => number = Date.now,
) {
  const { ACCESS_TOKEN_TTL_S: ttl, PUBLIC_URL: issuer } = config
  return {
    async issue({ account, session, tenant, role, amr, scope = scopesOf(role) }: AccessGrant): Promise<AccessToken> {
      const { kid, key } = keys.signer()
      // With its milliseconds (RFC 7519 section 2 allows them): what is issued right after a revocation is not meant by it.
      const iat = now() / 1000
      const nbf = Math.floor(iat)
      const access_token = await new SignJWT({ sid: session, tenant, role, scope, amr: [...amr] })
        .setProtectedHeader({ alg: ACCESS_TOKEN.alg, typ: ACCESS_TOKEN.typ, kid })
        .setIssuer(issuer)
        .setAudience(ACCESS_TOKEN.audience)
        .setSubject(account)
        .setIssuedAt(iat)
        .setNotBefore(nbf)
        .setExpirationTime(nbf + ttl)
        .setJti(randomUUID())
        .sign(key)
      return { access_token, token_type: 'Bearer', expires_in: ttl, scope }
    },
  }
}

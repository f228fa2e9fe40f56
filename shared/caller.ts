import type { FastifyRequest } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'
import { ASSERTION_HEADER, verifyAssertion } from './assertion.ts'
import { isLocalHost } from './local-host.ts'
import { SYSTEM_TENANT } from './permissions.ts'
import { Problem } from './problem.ts'
import { asOwner, asTenant, type Owner, type Tenant } from './scope.ts'

/** The user of clients that send no credentials, in open access. */
export const DEFAULT_USER = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
export const USER_ID_MAX_LENGTH = 255

/** The tenant of those who name none. */
export const DEFAULT_TENANT = asTenant(SYSTEM_TENANT)

/** Who is asking, as far as it is proven. */
export interface Caller {
  user?: Owner
  tenant: Tenant
  roles: readonly string[]
  /** Scopes that the credential is limited to, separated by spaces; absent for one without limits. */
  scope?: string
  /** The verified credential, `session:<id>`, `key:<id>` ...; absent in open access and for anonymous callers. */
  credential?: string
  ip: string
}

export interface TrustOptions {
  /** Audience: the name of this process. */
  service: string
  access: 'open' | 'required'
  secret: string | undefined
}

/** The user that a caller names in open access. @throws Problem when `x-user-id` is too long */
export function openUser(headers: IncomingHttpHeaders): Owner {
  const named = headers['x-user-id']
  if (named === undefined || named === '') return asOwner(DEFAULT_USER)
  if (typeof named !== 'string' || named.length > USER_ID_MAX_LENGTH) {
    throw new Problem('invalid-input', {
      detail: `x-user-id is longer than ${USER_ID_MAX_LENGTH} characters`,
      errors: [{ in: 'headers', field: 'x-user-id', message: `at most ${USER_ID_MAX_LENGTH} characters` }],
    })
  }
  return asOwner(named)
}

/** Whom open access takes a client for: everybody is the one that they say, and may do everything. */
export const openCaller = (headers: IncomingHttpHeaders, ip: string): Caller => ({
  user: openUser(headers),
  tenant: DEFAULT_TENANT,
  roles: ['admin'],
  ip,
})

/** The refusal of a request that came in under a foreign name, in open access. */
export const foreignHost = (host: string | undefined): Problem =>
  new Problem('forbidden', {
    detail: `In open access only localhost and addresses are answered, not ${host}; see CORS_ORIGINS and ACCESS`,
  })

/**
 * Who sent a request to a service: what the gateway vouches for; without its word only open access answers.
 * @throws Problem unauthenticated (401), forbidden (403)
 */
export function identifyCaller(request: FastifyRequest, options: TrustOptions): Caller {
  const token = request.headers[ASSERTION_HEADER]
  if (typeof token === 'string') {
    const claims =
      options.secret === undefined
        ? undefined
        : verifyAssertion(options.secret, token, options.service, Math.floor(Date.now() / 1000))
    if (claims === undefined) throw new Problem('unauthenticated', { detail: 'The gateway does not vouch for this' })
    return {
      ...(claims.sub === undefined ? {} : { user: asOwner(claims.sub) }),
      tenant: asTenant(claims.tenant),
      roles: claims.roles,
      ...(claims.scope === undefined ? {} : { scope: claims.scope }),
      ...(claims.cred === undefined ? {} : { credential: claims.cred }),
      ip: claims.ip,
    }
  }
  if (options.access === 'open') {
    if (!isLocalHost(request.headers.host)) throw foreignHost(request.headers.host)
    return openCaller(request.headers, request.ip ?? '')
  }
  throw new Problem('unauthenticated', { detail: 'This service answers only through the gateway' })
}

/** The user of a request that needs one. @throws Problem unauthenticated (401), forbidden (403) for a key that acts for no account */
export function userOf(request: FastifyRequest): Owner {
  const { user, credential } = request.caller
  if (user !== undefined) return user
  if (credential === undefined) throw new Problem('unauthenticated')
  throw new Problem('forbidden', { detail: 'This credential acts for no account, so nothing here is its own' })
}

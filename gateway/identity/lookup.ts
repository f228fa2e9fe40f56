import type { InternalClient } from '#shared/internal.ts'
import { ROLES } from '#shared/permissions.ts'
import { asOwner, asTenant } from '#shared/scope.ts'
import type { Credential, VerifyAnswer, VerifyRequest } from '#shared/verified.ts'
import type { GatewayConfig } from '../config.ts'
import { budgetOf, type Identity } from './identity.ts'
import type { Reason } from './refusals.ts'

const MS_PER_S = 1000
/** A trusted proxy may pass on whatever it was told. */
const IP_MAX_LENGTH = 64

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** An answer that says less than it must is no answer. */
const isVerified = (answer: VerifyAnswer): answer is Extract<VerifyAnswer, { active: true }> =>
  answer.active &&
  isText(answer.credential) &&
  isText(answer.tenant) &&
  typeof answer.scope === 'string' &&
  (answer.user === undefined || isText(answer.user)) &&
  (answer.expires === undefined || Number.isFinite(answer.expires)) &&
  ROLES.includes(answer.role) &&
  Array.isArray(answer.subjects) &&
  answer.subjects.every(isText)

/** Asks identity about what only it can verify: keys, app passwords, tokens of applications. */
export function createLookup(
  client: InternalClient,
  config: Pick<GatewayConfig, 'IDENTITY_TIMEOUT_MS' | 'IDENTITY_CACHE_TTL_S'>,
) {
  const { IDENTITY_TIMEOUT_MS: timeoutMs, IDENTITY_CACHE_TTL_S: ttl } = config
  /**
   * @param change number of the last revocation known when it is asked
   * @throws Error when identity does not say
   */
  return async (
    credential: Credential,
    { ip, requestId, change }: { ip: string; requestId: string; change: number },
  ): Promise<Identity | Reason> => {
    const body: VerifyRequest = { ...credential, ip: ip.slice(0, IP_MAX_LENGTH) }
    const options = { method: 'POST', body, timeoutMs, requestId } as const
    const { status, body: answer } = await client.ask<VerifyAnswer>('identity', '/internal/verify', options)
    if (status !== 200) throw new Error(`identity answers ${status} to a question about a credential`)
    if (!answer.active) return 'inactive'
    if (!isVerified(answer)) throw new Error('identity answers wrongly about a credential')
    const { user, tenant, role, scope, subjects, expires = Infinity } = answer
    return {
      credential: answer.credential,
      ...(user === undefined ? {} : { user: asOwner(user) }),
      tenant: asTenant(tenant),
      roles: [role],
      scope,
      subjects,
      expires: Math.min(expires, Date.now() + ttl * MS_PER_S),
      basic: 'basic' in credential,
      budget: budgetOf(user, answer.credential),
      checked: change,
    }
  }
}

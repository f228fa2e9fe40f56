import type { Owner } from '#shared/scope.ts'
import type { Revocations } from '../revocations/store.ts'
import type { SessionStore } from '../sessions/store.ts'

export interface AccessParts {
  sessions: Pick<SessionStore, 'revokeAll'>
  revocations: Pick<Revocations, 'revoke'>
  /** Ends what applications were allowed to do. */
  endGrants(account: Owner): void
}

export type EndAccess = ReturnType<typeof createEndAccess>

/**
 * Ends everything that an account has open, at once and everywhere; inside a write. Keys and app passwords are verified anew:
 * they work again for an account that may still be used.
 */
export const createEndAccess =
  ({ sessions, revocations, endGrants }: AccessParts) =>
  (account: Owner): void => {
    sessions.revokeAll(account)
    endGrants(account)
    revocations.revoke(`account:${account}`)
  }

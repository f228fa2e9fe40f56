import type { Owner } from '#shared/scope.ts'
import type { RecordStore } from '../oauth/records.ts'
import type { Revocations } from '../revocations/store.ts'
import type { SessionStore } from '../sessions/store.ts'

export interface AccessParts {
  sessions: Pick<SessionStore, 'revokeAll'>
  revocations: Pick<Revocations, 'revoke'>
  records: Pick<RecordStore, 'endLogins' | 'endGrants'>
}

export type EndAccess = ReturnType<typeof createEndAccess>

/** Ends everything that an account has open, at once and everywhere; inside a write. */
export const createEndAccess =
  ({ sessions, revocations, records }: AccessParts) =>
  (account: Owner): void => {
    sessions.revokeAll(account)
    records.endLogins(account)
    records.endGrants(account)
    // Whatever gateways remember of it: tokens, keys, app passwords; good ones are verified anew.
    revocations.revoke(`account:${account}`)
  }

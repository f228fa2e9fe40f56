import type { Role } from '#shared/permissions.ts'
import type { Owner, Tenant } from '#shared/scope.ts'
import type { Reason } from './refusals.ts'

/** Whom a verified credential stands for, as the gateway keeps it. */
export interface Identity {
  /** `session:<id>`, `key:<id>` ...: what the audit log calls it. */
  readonly credential: string
  /** The account that it acts as; absent for a credential of an app or a CI job. */
  readonly user?: Owner
  readonly tenant: Tenant
  readonly roles: readonly [Role]
  /** Scopes that it is limited to, separated by spaces. */
  readonly scope: string
  /** Every subject whose revocation ends it. */
  readonly subjects: readonly string[]
  /** When its token was issued, in milliseconds since 1970; absent for what identity was asked about. */
  readonly issued?: number
  /** Milliseconds since 1970 from which on it is no longer good, or must be verified anew. */
  readonly expires: number
  /** A password of the Basic scheme: good for CalDAV only. */
  readonly basic: boolean
  /** Whose budget its requests use. */
  readonly budget: string
  /** The state of the revocations that it was last compared with. */
  checked: number
}

/** What the gateway thinks of a credential. */
export type Verdict = Identity | Reason

export const budgetOf = (user: string | undefined, credential: string): string =>
  user === undefined ? credential : `user:${user}`

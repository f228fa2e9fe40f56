import type { Role } from './permissions.ts'

/** What identity has found out about a credential that a gateway cannot verify by itself. */
export interface Verified {
  /** `key:<id>`, `app-password:<id>`, `token:<hash>` ...: what the audit log calls it. */
  credential: string
  /** Every subject whose revocation ends it, the credential's own among them. */
  subjects: readonly string[]
  /** The account that it acts as; absent for a credential of an app or a CI job. */
  user?: string
  tenant: string
  role: Role
  /** Scopes that it is limited to, separated by spaces. */
  scope: string
  /** Milliseconds since 1970 from which on it is no longer good. */
  expires?: number
}

/** What a gateway asks identity to verify: exactly one of these. */
export type Credential = { key: string } | { basic: { username: string; password: string } } | { token: string }

/** Body of `POST /internal/verify`. */
export type VerifyRequest = Credential & {
  /** Address of the client. */
  ip?: string
}

/** Answer of `POST /internal/verify`. */
export type VerifyAnswer = { active: false } | ({ active: true } & Verified)

import type { Database } from '#shared/database.ts'
import type { Owner } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import { timestamp } from '#shared/timestamp.ts'
import type { IdentityConfig } from '../config.ts'
import type { PasswordPolicy } from '../login/policy.ts'
import type { Passwords } from '../login/passwords.ts'
import type { Mailer } from '../mail/mailer.ts'
import type { SamePerson } from '../mfa/same-person.ts'
import type { SecondFactor } from '../mfa/second-factor.ts'
import type { MfaStore } from '../mfa/store.ts'
import type { Revocations } from '../revocations/store.ts'
import type { SessionStore } from '../sessions/store.ts'
import { tenantRoutes } from '../tenants/routes.ts'
import { createTenantStore } from '../tenants/store.ts'
import { createEndAccess } from './access.ts'
import { helpRoutes } from './admin/help.ts'
import { invitationRoutes } from './admin/invitations.ts'
import { adminAccountRoutes } from './admin/routes.ts'
import { createAdminStore } from './admin/store.ts'
import { createStrangerLimits } from './limits.ts'
import { meRoutes } from './me/routes.ts'
import type { OneTimeTokens } from './one-time-tokens.ts'
import { accountPages } from './pages/routes.ts'
import { createPasswordReset } from './password/reset.ts'
import { passwordRoutes } from './password/routes.ts'
import type { TellOwner } from './security-notes.ts'
import { signupRoutes } from './signup/routes.ts'
import { createSignup } from './signup/signup.ts'
import type { AccountStore } from './store.ts'
import { createVerification } from './verification.ts'

export interface AccountParts {
  config: IdentityConfig
  db: Database
  writes: Writes
  accounts: AccountStore
  tokens: OneTimeTokens
  mailer: Mailer
  tellOwner: TellOwner
  passwords: Passwords
  policy: PasswordPolicy
  sessions: SessionStore
  revocations: Revocations
  secondFactor: Pick<SecondFactor, 'methodsOf'>
  mfa: MfaStore
  samePerson: SamePerson
  /** Ends what applications were allowed to do. */
  endGrants(account: Owner): void
}

const DAY_MS = 86_400_000

const daysAgo = (days: number): string => timestamp(Date.now() - days * DAY_MS)

/** Accounts and tenants, for their people and for administrators, with what they ask for by mail. */
export function registerAccounts(app: App, given: AccountParts) {
  const { config, db, accounts, tokens } = given
  const limits = createStrangerLimits(db, config)
  const parts = { ...given, limits, endAccess: createEndAccess(given) }
  const verification = createVerification(accounts, tokens)
  const reset = createPasswordReset(parts)
  const signup = createSignup(parts)
  const tenants = createTenantStore(db)
  const admin = { ...parts, admin: createAdminStore(db), tenants }

  void app.register(signupRoutes({ ...parts, signup, verification }))
  void app.register(passwordRoutes({ ...parts, reset }))
  void app.register(meRoutes(parts))
  void app.register(accountPages({ ...parts, verification, reset }))
  void app.register(adminAccountRoutes(admin), { prefix: '/api/admin/accounts' })
  void app.register(helpRoutes(admin), { prefix: '/api/admin/accounts' })
  void app.register(invitationRoutes(admin), { prefix: '/api/admin/accounts' })
  void app.register(tenantRoutes(admin), { prefix: '/api/admin/tenants' })

  return {
    /** Delete what has had its time; inside writes. */
    sweepers: [limits.sweep, () => accounts.sweepUnverified(daysAgo(config.UNVERIFIED_TTL_DAYS))],
  }
}

import type { Account, Membership } from './store.ts'

export type AccountView = ReturnType<typeof accountView>

/** An account as the API shows it; the hash of its password stays inside. */
export const accountView = (account: Account, memberships: readonly Membership[]) => ({
  id: account.id,
  email: account.email,
  email_verified: account.email_verified_at !== null,
  name: account.name,
  state: account.state,
  /** What a pending account waits for. */
  awaits: [...(account.awaits_email === 1 ? ['email'] : []), ...(account.awaits_approval === 1 ? ['approval'] : [])],
  has_password: account.password_hash !== null,
  locale: account.locale,
  time_zone: account.time_zone,
  tenants: memberships.map(({ tenant, role }) => ({ tenant, role })),
  created_at: account.created_at,
  updated_at: account.updated_at,
})

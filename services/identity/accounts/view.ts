import type { Account, Membership } from './store.ts'

export type AccountView = ReturnType<typeof accountView>

/** What a pending account waits for. */
export const awaitedBy = (account: Account): ('email' | 'approval')[] => [
  ...(account.awaits_email === 1 ? (['email'] as const) : []),
  ...(account.awaits_approval === 1 ? (['approval'] as const) : []),
]

/** An account as the API shows it; the hash of its password stays inside. */
export const accountView = (account: Account, memberships: readonly Membership[]) => ({
  id: account.id,
  email: account.email,
  email_verified: account.email_verified_at !== null,
  name: account.name,
  state: account.state,
  awaits: awaitedBy(account),
  has_password: account.password_hash !== null,
  locale: account.locale,
  time_zone: account.time_zone,
  tenants: memberships.map(({ tenant, role }) => ({ tenant, role })),
  created_at: account.created_at,
  updated_at: account.updated_at,
})

import type { Account as OidcAccount } from 'oidc-provider'
import { asOwner } from '#shared/scope.ts'
import type { Account, AccountStore } from '../accounts/store.ts'

/** Which claims a scope gives (OpenID Connect Core 5.4). */
export const CLAIMS = {
  openid: ['sub'],
  profile: ['name', 'locale', 'zoneinfo'],
  email: ['email', 'email_verified'],
}

const claimsOf = (account: Account) => ({
  sub: account.id,
  name: account.name,
  locale: account.locale,
  zoneinfo: account.time_zone,
  email: account.email,
  email_verified: account.email_verified_at !== null,
})

/** Only who may sign in now is somebody for the provider: a suspended account's sessions, codes and tokens find nobody. */
export function findAccount(
  accounts: Pick<AccountStore, 'find' | 'membershipsOf'>,
  id: string,
): OidcAccount | undefined {
  const account = accounts.find(asOwner(id))
  if (account?.state !== 'approved' || accounts.membershipsOf(account.id).length === 0) return undefined
  return { accountId: account.id, claims: () => Promise.resolve(claimsOf(account)) }
}

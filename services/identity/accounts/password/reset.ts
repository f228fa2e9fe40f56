import { timestamp } from '#shared/timestamp.ts'
import type { PasswordPolicy } from '../../login/policy.ts'
import type { Passwords } from '../../login/passwords.ts'
import type { EndAccess } from '../access.ts'
import type { TellOwner } from '../security-notes.ts'
import { PURPOSE } from '../mail-links.ts'
import type { OneTimeTokens } from '../one-time-tokens.ts'
import type { Account, AccountStore } from '../store.ts'
import { badLink } from '../verification.ts'

export interface ResetParts {
  accounts: AccountStore
  tokens: OneTimeTokens
  passwords: Passwords
  policy: PasswordPolicy
  tellOwner: TellOwner
  endAccess: EndAccess
}

export type PasswordReset = ReturnType<typeof createPasswordReset>

/** What the link in a mail that sets a password does. */
export function createPasswordReset(parts: ResetParts) {
  const { accounts, tokens, passwords, policy, tellOwner, endAccess } = parts

  /** The account whose password the link sets; undefined for a link that is not good. */
  function accountOf(token: string): Account | undefined {
    const id = tokens.peek(PURPOSE.setPassword, token)?.account
    const account = id === undefined ? undefined : accounts.find(id)
    return account?.state === 'pending' || account?.state === 'approved' ? account : undefined
  }

  return {
    accountOf,
    /**
     * Hashes the new password and gives the write that sets it and ends every session and token of the account; who did it
     * signs in by it. A second factor stays: a mailbox alone lets nobody in. The write throws Problem invalid-input (400) for a
     * link that is not good (any more).
     * @throws Problem invalid-input (400) for a password that is not good enough, overloaded (503)
     */
    async prepare(token: string, password: string): Promise<() => Account> {
      const before = accountOf(token)
      if (before !== undefined) policy.require(password, before.email)
      const password_hash = before === undefined ? null : await passwords.hash(password)
      return () => {
        const account = accountOf(token)
        if (account === undefined || password_hash === null) throw badLink()
        const isProven = tokens.take(PURPOSE.setPassword, token)?.detail.mailed_to === account.email
        endAccess(account.id)
        // An invited person knows.
        if (account.password_hash !== null) tellOwner(account.id, 'password-changed')
        return accounts.update(account.id, {
          password_hash,
          ...(isProven ? { email_verified_at: account.email_verified_at ?? timestamp(), awaits_email: 0 } : {}),
        })
      }
    },
  }
}

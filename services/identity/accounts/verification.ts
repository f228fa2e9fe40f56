import { invalidField, Problem } from '#shared/problem.ts'
import { timestamp } from '#shared/timestamp.ts'
import { passwordMark, PURPOSE } from './mail-links.ts'
import type { OneTimeTokens, TakenToken } from './one-time-tokens.ts'
import type { Account, AccountStore } from './store.ts'

export type Verification = ReturnType<typeof createVerification>

export const badLink = () => invalidField('body', 'token', 'token is unknown, was used already, or is too old')

/** What the link in a mail that confirms an address does. */
export function createVerification(accounts: AccountStore, tokens: OneTimeTokens) {
  function confirmOwn(account: Account): Account {
    return accounts.update(account.id, { email_verified_at: timestamp(), awaits_email: 0 })
  }

  function changeTo(account: Account, email: string): Account {
    const holder = accounts.byEmail(email)
    if (holder !== undefined && holder.id !== account.id) {
      throw new Problem('conflict', { detail: 'Another account has this e-mail address by now' })
    }
    // Links that went to the old address would let its reader set the password.
    tokens.revoke(account.id, PURPOSE.setPassword)
    tokens.revoke(account.id, PURPOSE.verifyEmail)
    return accounts.update(account.id, { email, email_verified_at: timestamp(), awaits_email: 0 })
  }

  const accountOf = (taken: TakenToken | undefined): Account | undefined => {
    const account = taken?.account === undefined ? undefined : accounts.find(taken.account)
    return account?.state === 'deleting' ? undefined : account
  }

  /** The account that a link takes to another address. */
  const changing = (taken: TakenToken | undefined): Account | undefined => {
    const account = accountOf(taken)
    return account !== undefined && taken?.detail.mark === passwordMark(account) ? account : undefined
  }

  return {
    /** The address that a link confirms; undefined for a link that does nothing (any more). */
    addressOf(token: string): string | undefined {
      const own = accountOf(tokens.peek(PURPOSE.verifyEmail, token))
      if (own !== undefined) return own.email
      const taken = tokens.peek(PURPOSE.changeEmail, token)
      return changing(taken) === undefined ? undefined : (taken?.detail.mailed_to as string)
    },
    /**
     * Uses a link up: the address is confirmed, or the account changes to it; inside a write.
     * @throws Problem invalid-input (400) for a link that is not good (any more), conflict (409)
     */
    confirm(token: string): Account {
      const own = accountOf(tokens.take(PURPOSE.verifyEmail, token))
      if (own !== undefined) return confirmOwn(own)
      const taken = tokens.take(PURPOSE.changeEmail, token)
      const account = changing(taken)
      if (account === undefined) throw badLink()
      return changeTo(account, taken?.detail.mailed_to as string)
    },
  }
}

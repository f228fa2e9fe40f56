import { DEFAULT_TENANT } from '#shared/caller.ts'
import { Problem } from '#shared/problem.ts'
import type { Mailer } from '../../mail/mailer.ts'
import type { StrangerLimits } from '../limits.ts'
import { PURPOSE } from '../mail-links.ts'
import type { OneTimeTokens } from '../one-time-tokens.ts'
import type { AccountsConfig } from '../settings.ts'
import type { Account, AccountStore, NewAccount } from '../store.ts'

export interface SignupParts {
  accounts: AccountStore
  tokens: OneTimeTokens
  mailer: Mailer
  limits: StrangerLimits
  config: AccountsConfig
}

export type Signup = ReturnType<typeof createSignup>

/** Making an account for oneself. Everything here runs inside a write. */
export function createSignup({ accounts, tokens, mailer, limits, config }: SignupParts) {
  function add(account: NewAccount): Account {
    const made = accounts.insert({
      ...account,
      awaits_email: Number(mailer.enabled),
      awaits_approval: Number(config.SIGNUP === 'approval'),
    })
    accounts.join(made.id, DEFAULT_TENANT, 'viewer')
    return made
  }

  /**
   * Nobody has ever confirmed this address: who signs up now may be its owner, and who did before may not. What counts is the
   * last one's name and password, and earlier links are void; else a stranger who was first would know the password of an
   * account whose owner confirms it.
   */
  function startAnew(known: Account, { name, password_hash, locale, time_zone }: NewAccount): Account {
    tokens.revoke(known.id, PURPOSE.verifyEmail)
    return accounts.update(known.id, { name, password_hash, locale, time_zone })
  }

  return {
    /**
     * @throws Problem forbidden (403) when nobody may sign up here, too-many-requests (429), conflict (409) when there are
     * as many accounts as there may be
     */
    require(ip: string): void {
      if (config.SIGNUP === 'closed')
        throw new Problem('forbidden', { detail: 'Accounts are made by administrators here' })
      if (accounts.count() >= config.ACCOUNTS_MAX) {
        throw new Problem('conflict', { detail: 'There are as many accounts as there may be (ACCOUNTS_MAX)' })
      }
      limits.takeSignup(ip)
    },
    /**
     * With mail: whoever owns the address learns from it what happened, and nobody else does.
     * @returns the account that was made, undefined for an address that is known or has had enough mails
     */
    byMail(account: NewAccount, ip: string): Account | undefined {
      const { email: to, locale } = account
      if (!limits.takeMail(to, ip)) return undefined
      const known = accounts.byEmail(to)
      const isUnconfirmed = known?.state === 'pending' && known.awaits_email === 1
      if (known !== undefined && !isUnconfirmed) {
        mailer.post({ template: 'address-known', to, locale: known.locale })
        return undefined
      }
      mailer.post({ template: 'verify-email', to, locale })
      return known === undefined ? add(account) : startAnew(known, account)
    },
    /** Without mail nothing can be kept secret: @throws Problem conflict (409) for a known address */
    directly(account: NewAccount): Account {
      if (accounts.byEmail(account.email) !== undefined) {
        throw new Problem('conflict', {
          detail: 'There is already an account with this e-mail address',
          errors: [{ in: 'body', field: 'email', message: 'email is already used by another account' }],
        })
      }
      return add(account)
    },
  }
}

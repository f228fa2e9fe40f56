import { hash } from 'node:crypto'
import type { MailRequest, PreparedMail } from '../mail/request.ts'
import type { OneTimeTokens } from './one-time-tokens.ts'
import type { AccountsConfig } from './settings.ts'
import type { Account, AccountStore } from './store.ts'

/** What the links in mails are good for. */
export const PURPOSE = {
  verifyEmail: 'verify-email',
  changeEmail: 'change-email',
  setPassword: 'set-password',
} as const

export const VERIFY_PATH = '/account/verify'
export const RESET_PATH = '/account/reset'

const HOUR_S = 3600
const MINUTE_S = 60

/**
 * Another one after the password was changed: what was asked for with the one before is void then. Else whoever knew it could
 * still take the account to an address of theirs, with a link or a mail that was waiting.
 */
export const passwordMark = ({ password_hash }: Pick<Account, 'password_hash'>): string =>
  hash('sha256', password_hash ?? '', 'base64url')

type LinkConfig = AccountsConfig & { PUBLIC_URL: string }

/** Addresses of the pages that links lead to. */
export const linkTo = (config: Pick<LinkConfig, 'PUBLIC_URL'>, path: string, token: string): string =>
  `${config.PUBLIC_URL}${path}?token=${token}`

/**
 * Finds out, when a mail is about to be sent, whether there is still a reason for it, and makes its link. So a mail that was
 * asked for takes the same work whether the address is known or not, and no link waits in the database.
 */
export const createMailLinks = (accounts: AccountStore, tokens: OneTimeTokens, config: LinkConfig) => {
  function linkFor(
    account: Account,
    path: string,
    link: { purpose: string; ttl_s: number; email: string; mark?: string },
  ): PreparedMail {
    const { purpose, ttl_s, email, ...rest } = link
    // A link proves that its user reads the mails of this very address.
    const token = tokens.issue({ purpose, account: account.id, ttl_s, detail: { mailed_to: email, ...rest } })
    return { locale: account.locale, link: { url: linkTo(config, path, token), ttl_s } }
  }

  const verifyEmail = (account: Account | undefined, email: string): PreparedMail | undefined =>
    account?.email_verified_at === null && (account.state === 'pending' || account.state === 'approved')
      ? linkFor(account, VERIFY_PATH, {
          purpose: PURPOSE.verifyEmail,
          ttl_s: config.VERIFY_EMAIL_TTL_HOURS * HOUR_S,
          email,
        })
      : undefined

  const setPassword = (account: Account | undefined, email: string, ttl_s: number): PreparedMail | undefined =>
    account?.email === email && (account.state === 'pending' || account.state === 'approved')
      ? linkFor(account, RESET_PATH, { purpose: PURPOSE.setPassword, ttl_s, email })
      : undefined

  /** Inside a write; undefined when the mail is not to be sent. */
  return (request: MailRequest): PreparedMail | undefined => {
    const { to } = request
    switch (request.template) {
      case 'verify-email':
        return verifyEmail(accounts.byEmail(to), to)
      case 'set-password':
        return setPassword(accounts.byEmail(to), to, config.PASSWORD_RESET_TTL_MINUTES * MINUTE_S)
      case 'invitation':
        return setPassword(accounts.find(request.account), to, config.INVITATION_TTL_HOURS * HOUR_S)
      case 'confirm-address': {
        const { mark } = request
        const account = accounts.find(request.account)
        if (account?.state !== 'approved' || passwordMark(account) !== mark) return undefined
        if (accounts.byEmail(to) !== undefined) return undefined
        const ttl_s = config.VERIFY_EMAIL_TTL_HOURS * HOUR_S
        return linkFor(account, VERIFY_PATH, { purpose: PURPOSE.changeEmail, ttl_s, email: to, mark })
      }
      default:
        return { locale: request.locale }
    }
  }
}

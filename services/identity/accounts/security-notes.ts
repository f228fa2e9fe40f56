import type { Owner } from '#shared/scope.ts'
import type { Mailer } from '../mail/mailer.ts'
import type { SecurityEvent } from '../mail/request.ts'
import type { AccountStore } from './store.ts'

export type TellOwner = ReturnType<typeof createTellOwner>

/**
 * Tells by mail the owner of an account what happened to its credentials, because it may have been somebody else (OWASP ASVS
 * 5.0, 6.3.7); inside the write in which it happens. Without mail it does nothing.
 */
export const createTellOwner =
  (accounts: Pick<AccountStore, 'find'>, mailer: Pick<Mailer, 'post'>) =>
  (account: Owner, event: SecurityEvent): void => {
    const found = accounts.find(account)
    if (found !== undefined) mailer.post({ template: 'security-note', event, to: found.email, locale: found.locale })
  }

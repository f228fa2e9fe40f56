import type { FastifyRequest } from 'fastify'
import { userOf } from '#shared/caller.ts'
import { invalidField, Problem } from '#shared/problem.ts'
import type { Account, AccountStore } from '../accounts/store.ts'
import type { IdentityConfig } from '../config.ts'
import type { PasswordCheck } from '../login/check.ts'
import type { SessionStore } from '../sessions/store.ts'

export interface SamePersonParts {
  accounts: AccountStore
  sessions: Pick<SessionStore, 'find'>
  passwordCheck: Pick<PasswordCheck, 'confirm'>
  config: Pick<IdentityConfig, 'FRESH_SESSION_S'>
}

export type SamePerson = ReturnType<typeof createSamePerson>

const MS_PER_S = 1000
const SESSION = 'session:'

/**
 * Makes sure that whoever changes how an account is signed in to is the person who signed in, and not somebody who found
 * their browser open or took their token (OWASP ASVS 5.0, 7.5.1).
 */
export function createSamePerson({ accounts, sessions, passwordCheck, config }: SamePersonParts) {
  function requireFreshSession(request: FastifyRequest, account: Account): void {
    const { credential = '' } = request.caller
    const session = sessions.find(account.id, credential.slice(SESSION.length))
    const age = session === undefined ? Infinity : Date.now() - Date.parse(session.created_at)
    if (age <= config.FRESH_SESSION_S * MS_PER_S) return
    throw new Problem('forbidden', { detail: 'Sign in again to change this' })
  }

  /**
   * @returns the caller's account
   * @throws Problem invalid-input (400) without the password of an account that has one, forbidden (403),
   * too-many-requests (429)
   */
  return async (request: FastifyRequest, password: string | undefined): Promise<Account> => {
    const account = accounts.find(userOf(request))
    if (account === undefined) throw new Problem('not-found', { detail: 'Account not found' })
    if (account.password_hash !== null && password === undefined) {
      throw invalidField('body', 'password', 'password is required')
    }
    request.auditEvent = { event: 'confirmation.failed', target: `account:${account.id}` }
    if (account.password_hash === null) requireFreshSession(request, account)
    else await passwordCheck.confirm(account, password as string, request.caller.ip)
    delete request.auditEvent
    return account
  }
}

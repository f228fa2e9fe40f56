import type { FastifyRequest } from 'fastify'
import { Problem } from '#shared/problem.ts'
import type { Writes } from '#shared/writes.ts'
import { awaitedBy } from '../accounts/view.ts'
import { emailOf, type Account, type AccountState, type AccountStore } from '../accounts/store.ts'
import type { Passwords } from './passwords.ts'
import type { Throttle } from './throttle.ts'

export interface Credentials {
  /** As the person wrote it. */
  email: string
  password: string
  /** Address of the client. */
  ip: string
  /** Gets the audit event of a refusal. */
  request?: FastifyRequest
}

export interface CheckParts {
  accounts: AccountStore
  passwords: Passwords
  throttle: Throttle
  writes: Pick<Writes, 'run'>
}

export type PasswordCheck = ReturnType<typeof createPasswordCheck>

/** One text for an account that is not there, one without a password and a wrong password. */
export const wrongCredentials = () =>
  new Problem('unauthenticated', {
    detail: 'E-mail address or password is wrong',
    headers: { 'www-authenticate': 'Bearer' },
  })

const REFUSALS: Partial<Record<AccountState, string>> = {
  pending: 'This account is not approved yet',
  rejected: 'This account was not approved',
  suspended: 'This account is suspended',
}

const AWAITED = { email: 'confirm the e-mail address by the link in the mail', approval: 'wait for an administrator' }

/** What somebody learns who has the password of an account that is not approved. */
function notApproved(account: Account): Problem {
  const isPending = account.state === 'pending'
  const awaits = isPending ? awaitedBy(account) : []
  const hint = awaits.map((what) => AWAITED[what]).join(', and ')
  const detail = `${REFUSALS[account.state] ?? 'This account is not approved'}${hint === '' ? '' : `: ${hint}`}`
  return new Problem('forbidden', {
    detail,
    extensions: { state: account.state, ...(isPending ? { awaits } : {}) },
  })
}

/** Checks passwords of accounts; every check is throttled. */
export function createPasswordCheck({ accounts, passwords, throttle, writes }: CheckParts) {
  /** Hashes with the present parameters what was hashed with others; the account as it is then. */
  async function renew(account: Account, password: string): Promise<Account> {
    const { id, password_hash: old } = account
    if (old === null || passwords.isCurrent(old)) return account
    const password_hash = await passwords.hash(password)
    return writes.run(() =>
      accounts.find(id)?.password_hash === old ? accounts.update(id, { password_hash }) : account,
    )
  }

  /** One throttled look at a password, with or without an account. */
  async function isRight(email: string, ip: string, account: Account | undefined, password: string, note?: () => void) {
    const attempt = await throttle.password(email, ip)
    note?.()
    let right: boolean
    try {
      right = await passwords.verify(account?.password_hash ?? null, password)
    } catch (error) {
      await attempt.undone()
      throw error
    }
    if (right) await attempt.succeeded()
    else attempt.failed()
    return right
  }

  return {
    /**
     * The account of an e-mail address and a password.
     * @throws Problem unauthenticated (401) with one text and after the same work, whatever is wrong; forbidden (403) with
     * the member `state`, and `awaits` while it is pending, for the right password of an account that is not approved;
     * too-many-requests (429);
     * overloaded (503)
     */
    async check({ email: written, password, ip, request }: Credentials): Promise<Account> {
      const email = emailOf(written)
      const found = accounts.byEmail(email)
      const account = found?.state === 'deleting' ? undefined : found
      const note = (event: string, detail: Record<string, string>) => {
        if (request === undefined) return
        request.auditEvent = { event, detail, ...(account === undefined ? {} : { target: `account:${account.id}` }) }
      }
      note('login.throttled', { method: 'password' })
      const failed = () => note('login.failed', { method: 'password' })
      if (!(await isRight(email, ip, account, password, failed)) || account === undefined) throw wrongCredentials()
      if (account.state !== 'approved') {
        note('login.failed', { method: 'password', state: account.state })
        throw notApproved(account)
      }
      return renew(account, password)
    },
    /**
     * Makes sure that a person who is signed in knows the password of their account: before it is changed, for instance.
     * @param ip address of the client
     * @throws Problem forbidden (403) that names the field of the body, not 401: the session is good, and signing in anew
     * would not help; too-many-requests (429); overloaded (503)
     */
    async confirm(account: Account, password: string, ip: string, field = 'password'): Promise<void> {
      if (await isRight(account.email, ip, account, password)) return
      const errors = [{ in: 'body', field, message: `${field} is wrong` }]
      throw new Problem('forbidden', { detail: 'The password is wrong', errors })
    },
  }
}

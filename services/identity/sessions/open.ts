import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '#shared/problem.ts'
import type { Writes } from '#shared/writes.ts'
import type { Account, AccountStore, Membership } from '../accounts/store.ts'
import { accountView } from '../accounts/view.ts'
import type { AccessTokens } from '../signing/tokens.ts'
import { refreshCookieOf, setSessionCookies } from './cookies.ts'
import type { Client, Issued, SessionStore } from './store.ts'

export interface SessionParts {
  sessions: SessionStore
  accounts: AccountStore
  tokens: AccessTokens
  writes: Writes
}

export interface OpenOptions {
  /** How the person proved themselves (RFC 8176): `pwd`, `otp`, `hwk`, `mfa` ... */
  amr: readonly string[]
  /** The tenant to act in; without one the account's oldest. */
  tenant?: string
  /** A browser: tokens go into cookies that scripts cannot read, and stay out of the body. */
  cookies?: boolean
}

export type OpenSession = ReturnType<typeof createOpenSession>

const USER_AGENT_MAX_LENGTH = 255
const MS_PER_S = 1000

export const clientOf = (request: FastifyRequest): Client => ({
  ip: request.caller.ip,
  user_agent: (request.headers['user-agent'] ?? '').slice(0, USER_AGENT_MAX_LENGTH),
})

/**
 * The tenant that a session acts in, and the role there.
 * @throws Problem forbidden (403), the same for a tenant that does not exist and one that is not the account's
 */
export function membershipFor(accounts: AccountStore, account: Account, tenant?: string): Membership {
  const memberships = accounts.membershipsOf(account.id)
  const found = tenant === undefined ? memberships[0] : memberships.find((membership) => membership.tenant === tenant)
  if (found !== undefined) return found
  throw new Problem('forbidden', {
    detail: tenant === undefined ? 'This account has no role anywhere' : 'This account has no role in that tenant',
  })
}

export const sessionOver = () =>
  new Problem('unauthenticated', {
    detail: 'The session is over; sign in again',
    headers: { 'www-authenticate': 'Bearer' },
  })

/** Answers a session that is on disk already: 200 with its tokens, or with cookies. */
export const createAnswerSession =
  ({ sessions, accounts, tokens }: Pick<SessionParts, 'sessions' | 'accounts' | 'tokens'>) =>
  async (
    reply: FastifyReply,
    account: Account,
    { session, refresh_token }: Issued,
    { role, cookies }: { role: Membership['role']; cookies: boolean },
  ): Promise<FastifyReply> => {
    const { id, tenant } = session
    const access = await tokens.issue({ account: account.id, session: id, tenant, role, amr: session.amr.split(' ') })
    // Ended meanwhile: a token that was issued after the revocation would not be meant by it.
    if (sessions.find(account.id, id) === undefined) throw sessionOver()
    const { access_token, token_type, expires_in, scope } = access
    const view = accountView(account, accounts.membershipsOf(account.id))
    const about = { expires_in, scope, account: view, tenant, role }
    void reply.header('cache-control', 'no-store')
    if (!cookies) return reply.send({ token_type, access_token, refresh_token, ...about })
    const left = Math.floor((Date.parse(session.expires_at) - Date.now()) / MS_PER_S)
    setSessionCookies(reply, {
      access: { value: access_token, maxAge: expires_in },
      refresh: { value: refresh_token, maxAge: left },
    })
    return reply.send(about)
  }

/**
 * Begins a session for a person who has proven themselves, with an id and tokens that nobody had before (session fixation),
 * and answers it.
 */
export function createOpenSession(parts: SessionParts) {
  const { sessions, accounts, writes } = parts
  const answer = createAnswerSession(parts)
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
    account: Account,
    { amr, tenant, cookies = false }: OpenOptions,
  ): Promise<FastifyReply> => {
    const previous = cookies ? refreshCookieOf(request) : undefined
    const { issued, role } = await writes.run(() => {
      const current = accounts.find(account.id)
      // Suspended, or another password was set, between the check and now: what was proven is not worth anything any more.
      if (current?.state !== 'approved' || current.password_hash !== account.password_hash) {
        throw new Problem('unauthenticated', { detail: 'The account has changed; sign in again' })
      }
      const membership = membershipFor(accounts, current, tenant)
      // The browser is about to lose the token of the session that it had: nobody could end that one any more.
      const replaced = previous === undefined ? undefined : sessions.byToken(previous)
      if (replaced !== undefined) sessions.end(replaced)
      const issued = sessions.open(account.id, { tenant: membership.tenant, amr, ...clientOf(request) })
      return { issued, role: membership.role }
    })
    request.auditEvent = {
      event: 'login.succeeded',
      actor: `account:${account.id}`,
      target: `session:${issued.session.id}`,
      tenant: issued.session.tenant,
      detail: { amr: amr.join(' ') },
    }
    return answer(reply, account, issued, { role, cookies })
  }
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { userOf } from '#shared/caller.ts'
import type { Role } from '#shared/permissions.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Account } from '../accounts/store.ts'
import { clearSessionCookies, refreshCookieOf } from './cookies.ts'
import { clientOf, createAnswerSession, membershipFor, sessionOver, type SessionParts } from './open.ts'
import {
  logoutSchema,
  refreshSchema,
  sessionsSchema,
  signedSchema,
  type LogoutInput,
  type RefreshInput,
} from './schema.ts'
import type { Session } from './store.ts'

const SESSION = 'session:'

/** Id of the session that a request is made in; undefined for other credentials. */
const currentOf = ({ caller: { credential = '' } }: FastifyRequest): string | undefined =>
  credential.startsWith(SESSION) ? credential.slice(SESSION.length) : undefined

const view = ({ account_id: _, amr, ...session }: Session, current: string | undefined) => ({
  ...session,
  amr: amr.split(' '),
  current: session.id === current,
})

/** /api/auth: refresh, logout, and the sessions of an account. */
export const sessionRoutes =
  (parts: SessionParts) =>
  async (routes: App): Promise<void> => {
    const { sessions, accounts, writes } = parts
    const answer = createAnswerSession(parts)
    const config = { etag: false }
    const tags = ['sessions']

    function refuse(reply: FastifyReply, cookies: boolean): Problem {
      if (cookies) clearSessionCookies(reply)
      return sessionOver()
    }

    routes.post<{ Body: RefreshInput }>(
      '/refresh',
      {
        config,
        schema: { tags, summary: 'The next tokens of a session', body: refreshSchema, response: { 200: signedSchema } },
      },
      async (request, reply) => {
        const { refresh_token: given, tenant } = request.body
        const cookies = given === undefined
        const token = given ?? refreshCookieOf(request)
        request.auditEvent = { event: 'token.refused' }
        if (token === undefined) throw sessionOver()
        const found: { account?: Account; role?: Role } = {}
        const rotation = await writes.run(() =>
          sessions.rotate(token, clientOf(request), (session) => {
            const account = accounts.find(session.account_id)
            if (account?.state !== 'approved') throw sessionOver()
            const membership = membershipFor(accounts, account, tenant ?? session.tenant)
            found.account = account
            found.role = membership.role
            return membership.tenant
          }),
        )
        if (rotation.kind === 'unknown') throw refuse(reply, cookies)
        const about = { actor: `account:${rotation.session.account_id}`, target: `session:${rotation.session.id}` }
        if (rotation.kind === 'reused') {
          request.auditEvent = { event: 'token.reused', ...about, tenant: rotation.session.tenant }
          throw refuse(reply, cookies)
        }
        request.auditEvent = { event: 'token.refreshed', ...about, tenant: rotation.session.tenant }
        return answer(reply, found.account as Account, rotation, { role: found.role as Role, cookies })
      },
    )

    routes.post<{ Body: LogoutInput }>(
      '/logout',
      { config, schema: { tags, summary: 'Ends the session, whatever it is proven by', body: logoutSchema } },
      async (request, reply) => {
        const token = request.body.refresh_token ?? refreshCookieOf(request)
        const current = currentOf(request)
        const ended = await writes.run(() => {
          const own = current === undefined ? undefined : sessions.find(userOf(request), current)
          const held = token === undefined ? undefined : sessions.byToken(token)
          if (own !== undefined) sessions.end(own)
          if (held !== undefined && held.id !== own?.id) sessions.end(held)
          return own ?? held
        })
        request.auditEvent = {
          event: 'logout',
          ...(ended === undefined
            ? {}
            : { actor: `account:${ended.account_id}`, target: `session:${ended.id}`, tenant: ended.tenant }),
        }
        clearSessionCookies(reply)
        return reply.code(204).send()
      },
    )

    routes.get(
      '/sessions',
      { schema: { tags, summary: 'Where the account is signed in', response: { 200: sessionsSchema } } },
      async (request, reply) => {
        const current = currentOf(request)
        const list = await sessions.list(userOf(request))
        return reply.header('cache-control', 'no-store').send({ sessions: list.map((one) => view(one, current)) })
      },
    )

    routes.delete<{ Params: { id: string } }>(
      '/sessions/:id',
      { config, schema: { tags, summary: 'Ends one session, wherever it is' } },
      (request, reply) => {
        const user = userOf(request)
        const { id } = request.params
        request.auditEvent = { event: 'session.revoked', target: `session:${id}` }
        return writes.answer(request, reply, user, () => {
          const session = sessions.find(user, id)
          if (session === undefined) throw new Problem('not-found', { detail: 'Session not found' })
          sessions.end(session)
          return { status: 204 }
        })
      },
    )

    routes.delete('/sessions', { config, schema: { tags, summary: 'Ends all other sessions' } }, (request, reply) => {
      const user = userOf(request)
      request.auditEvent = { event: 'session.revoked', target: `account:${user}` }
      return writes.answer(request, reply, user, () => {
        sessions.revokeAll(user, currentOf(request))
        return { status: 204 }
      })
    })
  }

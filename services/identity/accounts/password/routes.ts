import type { App } from '#shared/server.ts'
import { Problem } from '#shared/problem.ts'
import type { SamePerson } from '../../mfa/same-person.ts'
import type { SessionStore } from '../../sessions/store.ts'
import { acceptedSchema, addressSchema, askForMail, type AskParts } from '../ask-for-mail.ts'
import type { PasswordReset, ResetParts } from './reset.ts'
import { changeSchema, resetSchema } from './schema.ts'

export interface PasswordRouteParts extends AskParts, ResetParts {
  reset: PasswordReset
  sessions: Pick<SessionStore, 'revokeAll'>
  samePerson: SamePerson
}

const SESSION = 'session:'

/** /api/auth/password. */
export const passwordRoutes = (parts: PasswordRouteParts) => async (routes: App) => {
  const { accounts, passwords, policy, tellOwner, writes, reset, sessions, samePerson } = parts
  const tags = ['account']
  const ask = askForMail(parts)

  routes.post(
    '/api/auth/password/forgot',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'Send a link that sets a new password, if there is such an account',
        body: addressSchema,
        response: { 202: acceptedSchema },
      },
    },
    (request, reply) => {
      request.auditEvent = { event: 'password.reset-requested' }
      return ask(request, reply, 'set-password', request.body.email)
    },
  )

  routes.post(
    '/api/auth/password/reset',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'Set a password by the link of a mail; ends every session of the account',
        body: resetSchema,
      },
    },
    async (request, reply) => {
      const set = await reset.prepare(request.body.token, request.body.password)
      return writes.answer(
        request,
        reply,
        'password-reset',
        () => {
          const { id } = set()
          request.auditEvent = { event: 'password.reset', actor: `account:${id}`, target: `account:${id}` }
          return { status: 204 }
        },
        { sensitive: true },
      )
    },
  )

  routes.put(
    '/api/auth/password',
    {
      config: { etag: false },
      schema: { tags, summary: 'Change the own password; ends all other sessions', body: changeSchema },
    },
    async (request, reply) => {
      const { current_password, password } = request.body
      const { credential = '' } = request.caller
      const { id, email, password_hash: before } = await samePerson(request, current_password)
      policy.require(password, email)
      const password_hash = await passwords.hash(password)
      await writes.run(() => {
        const account = accounts.find(id)
        // Somebody else set it between the check and now.
        if (account?.password_hash !== before)
          throw new Problem('conflict', { detail: 'The password was changed already' })
        sessions.revokeAll(id, credential.slice(SESSION.length))
        accounts.update(id, { password_hash })
        tellOwner(id, 'password-changed')
      })
      request.auditEvent = { event: 'password.changed', target: `account:${id}` }
      return reply.code(204).send()
    },
  )
}

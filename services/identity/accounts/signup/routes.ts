import type { App } from '#shared/server.ts'
import type { PasswordPolicy } from '../../login/policy.ts'
import type { Passwords } from '../../login/passwords.ts'
import { ACCEPTED, acceptedSchema, addressSchema, askForMail, type AskParts } from '../ask-for-mail.ts'
import { byAddress } from '../limits.ts'
import { accountSchema } from '../schema.ts'
import type { AccountsConfig } from '../settings.ts'
import type { AccountStore } from '../store.ts'
import type { Verification } from '../verification.ts'
import { accountView } from '../view.ts'
import { signupSchema, tokenSchema } from './schema.ts'
import type { Signup } from './signup.ts'

export interface SignupRouteParts extends AskParts {
  accounts: AccountStore
  signup: Signup
  verification: Verification
  passwords: Passwords
  policy: PasswordPolicy
  config: AccountsConfig
}

/** /api/auth/signup and /api/auth/verify-email. */
export const signupRoutes = (parts: SignupRouteParts) => async (routes: App) => {
  const { accounts, signup, verification, passwords, policy, mailer, writes, config } = parts
  const tags = ['account']
  const ask = askForMail(parts)

  routes.post(
    '/api/auth/signup',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'Make an account; where mails are sent the answer is the same for known addresses',
        body: signupSchema,
        response: { 201: accountSchema, 202: acceptedSchema },
      },
    },
    async (request, reply) => {
      const {
        password,
        email,
        name,
        locale = config.DEFAULT_LOCALE,
        time_zone = config.DEFAULT_TIME_ZONE,
      } = request.body
      const { ip } = request.caller
      policy.require(password, email)
      await writes.run(() => signup.require(ip))
      const account = { email, name, locale, time_zone, password_hash: await passwords.hash(password) }
      return writes.answer(
        request,
        reply,
        byAddress(email),
        () => {
          const made = mailer.enabled ? signup.byMail(account, ip) : signup.directly(account)
          request.auditEvent =
            made === undefined
              ? { event: 'account.signup-known' }
              : { event: 'account.created', actor: `account:${made.id}`, target: `account:${made.id}` }
          if (mailer.enabled || made === undefined) return ACCEPTED
          return { status: 201, body: accountView(made, accounts.membershipsOf(made.id)) }
        },
        { sensitive: true },
      )
    },
  )

  routes.post(
    '/api/auth/verify-email',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'Confirm an e-mail address by the link of a mail',
        body: tokenSchema,
        response: { 200: accountSchema },
      },
    },
    (request, reply) =>
      writes.answer(
        request,
        reply,
        'verify-email',
        () => {
          const account = verification.confirm(request.body.token)
          request.auditEvent = {
            event: 'email.verified',
            actor: `account:${account.id}`,
            target: `account:${account.id}`,
          }
          return { status: 200, body: accountView(account, accounts.membershipsOf(account.id)) }
        },
        { sensitive: true },
      ),
  )

  routes.post(
    '/api/auth/verify-email/send',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'Send the mail that confirms an address again',
        body: addressSchema,
        response: { 202: acceptedSchema },
      },
    },
    (request, reply) => ask(request, reply, 'verify-email', request.body.email),
  )
}

import { DEFAULT_TENANT } from '#shared/caller.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import { timestamp } from '#shared/timestamp.ts'
import type { Writes } from '#shared/writes.ts'
import type { OneTimeTokens } from '../accounts/one-time-tokens.ts'
import type { AccountStore } from '../accounts/store.ts'
import { accountView } from '../accounts/view.ts'
import type { IdentityConfig } from '../config.ts'
import type { Passwords } from '../login/passwords.ts'
import type { PasswordPolicy } from '../login/policy.ts'
import { setupSchema, type SetupInput } from './schema.ts'
import { SETUP, type SetupStore } from './store.ts'

export interface SetupParts {
  setup: SetupStore
  accounts: AccountStore
  oneTimeTokens: OneTimeTokens
  passwords: Passwords
  policy: PasswordPolicy
  writes: Writes
  config: Pick<IdentityConfig, 'DEFAULT_LOCALE' | 'DEFAULT_TIME_ZONE'>
}

const badToken = () =>
  new Problem('forbidden', { detail: 'The token is wrong, used or too old; a restart prints a new one' })

/** `POST /api/auth/setup`: the first administrator, by the token that only who started the system has seen. */
export const setupRoutes =
  ({ setup, accounts, oneTimeTokens, passwords, policy, writes, config }: SetupParts) =>
  async (routes: App): Promise<void> => {
    routes.post<{ Body: SetupInput }>(
      '/api/auth/setup',
      {
        config: { etag: false },
        schema: { tags: ['login'], summary: 'Makes the first administrator', body: setupSchema },
      },
      async (request, reply) => {
        const { token, email, name, password } = request.body
        request.auditEvent = { event: 'setup.refused' }
        if (oneTimeTokens.peek(SETUP, token) === undefined) throw badToken()
        policy.require(password, email)
        const password_hash = await passwords.hash(password)
        const account = await writes.run(() => {
          if (oneTimeTokens.take(SETUP, token) === undefined || setup.hasAdmin()) throw badToken()
          if (accounts.byEmail(email) !== undefined) {
            throw new Problem('conflict', { detail: 'There is an account with this e-mail address already' })
          }
          const { DEFAULT_LOCALE: locale, DEFAULT_TIME_ZONE: time_zone } = config
          const fields = { email, name, password_hash, locale, time_zone, email_verified_at: timestamp() }
          const made = accounts.insert(fields)
          accounts.join(made.id, DEFAULT_TENANT, 'admin')
          return made
        })
        const id = `account:${account.id}`
        request.auditEvent = { event: 'account.created', actor: id, target: id, detail: { role: 'admin', first: true } }
        return reply.code(201).send(accountView(account, accounts.membershipsOf(account.id)))
      },
    )
  }

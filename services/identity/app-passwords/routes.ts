import { userOf } from '#shared/caller.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { Revocations } from '../revocations/store.ts'
import type { AppPasswordSecrets } from './password.ts'
import * as schema from './schema.ts'
import type { AppPasswordStore } from './store.ts'

export interface AppPasswordParts {
  appPasswords: AppPasswordStore
  secrets: AppPasswordSecrets
  writes: Writes
  revocations: Pick<Revocations, 'revoke'>
  config: { APP_PASSWORDS_MAX: number }
}

/** /api/auth/app-passwords: passwords for calendar programs, which have no other way to sign in. */
export const appPasswordRoutes =
  ({ appPasswords, secrets, writes, revocations, config: { APP_PASSWORDS_MAX: most } }: AppPasswordParts) =>
  async (routes: App): Promise<void> => {
    const tags = ['app passwords']

    routes.get(
      '/',
      { schema: { tags, summary: 'All app passwords, the newest first', response: { 200: schema.appPasswords } } },
      async (request) => ({ app_passwords: await appPasswords.list(userOf(request)) }),
    )

    routes.post<{ Body: schema.AppPasswordInput }>(
      '/',
      {
        config: { etag: false },
        schema: {
          tags,
          summary: 'A new app password, shown this once; good for CalDAV only',
          body: schema.create,
          response: { 201: schema.newAppPassword },
        },
      },
      (request, reply) => {
        const account = userOf(request)
        const write = () => {
          if (appPasswords.count(account) >= most) {
            throw new Problem('conflict', {
              detail: `There are ${most} app passwords already (APP_PASSWORDS_MAX); delete one first`,
            })
          }
          const password = secrets.make()
          const hash = secrets.hashOf(account, password) as Buffer
          const made = appPasswords.insert(account, request.body.name, hash)
          request.auditEvent = { event: 'app-password.created', target: `app-password:${made.id}` }
          return { status: 201, body: { ...made, password } }
        }
        void reply.header('cache-control', 'no-store')
        return writes.answer(request, reply, account, write, { sensitive: true })
      },
    )

    routes.delete<{ Params: { id: string } }>(
      '/:id',
      { schema: { tags, summary: 'Revokes an app password' } },
      (request, reply) => {
        const account = userOf(request)
        const { id } = request.params
        return writes.answer(request, reply, account, () => {
          if (!appPasswords.remove(account, id)) throw new Problem('not-found', { detail: 'App password not found' })
          revocations.revoke(`app-password:${id}`)
          request.auditEvent = { event: 'app-password.revoked', target: `app-password:${id}` }
          return { status: 204 }
        })
      },
    )
  }

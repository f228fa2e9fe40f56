import type { App } from '#shared/server.ts'
import type { VerifyAnswer } from '#shared/verified.ts'
import * as schema from './schema.ts'
import type { Verify } from './verify.ts'

/** `POST /internal/verify`: what a gateway cannot verify by itself, and remembers for a short time. */
export const verifyRoutes =
  (verify: Verify) =>
  async (routes: App): Promise<void> => {
    routes.post<{ Body: schema.VerifyInput }>(
      '/internal/verify',
      {
        config: { etag: false },
        schema: {
          tags: ['internal'],
          summary: 'Whether a key, an app password or a token is good, and for what',
          body: schema.verify,
          response: { 200: schema.verified },
        },
      },
      async (request, reply): Promise<VerifyAnswer> => {
        const found = await verify(request.body)
        void reply.header('cache-control', 'no-store')
        if (found === undefined) return { active: false }
        const { credential, user, tenant } = found
        const [kind] = credential.split(':', 1)
        // Tokens are told of when they are issued and used up; keys and app passwords are used for years.
        if (kind !== 'token') {
          request.auditEvent = {
            event: `${kind}.used`,
            actor: user === undefined ? credential : `account:${user}`,
            target: credential,
            tenant,
            detail: { ip: request.body.ip ?? null },
          }
        }
        return { active: true, ...found }
      },
    )
  }

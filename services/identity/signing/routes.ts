import type { App } from '#shared/server.ts'
import type { SigningKeys } from './keys.ts'

/** `GET /.well-known/jwks.json` and what administrators do about signing keys. */
export const signingRoutes = (keys: SigningKeys) => async (routes: App) => {
  routes.get('/.well-known/jwks.json', (_request, reply) =>
    reply.header('cache-control', 'public, max-age=300').send({ keys: keys.jwks().keys }),
  )
}

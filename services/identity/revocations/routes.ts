import Joi from 'joi'
import type { Health } from '#shared/health.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { IdentityConfig } from '../config.ts'
import type { SigningKeys } from '../signing/keys.ts'
import type { Revocations } from './store.ts'

export interface FeedOptions {
  revocations: Revocations
  signingKeys: SigningKeys
  writes: Writes
  health: Health
  config: IdentityConfig
}

const feedQuery = Joi.object<{ after?: number; wait_s: number }, true>({
  after: Joi.number().integer().min(0),
  wait_s: Joi.number().integer().min(0).max(25).default(0),
})

/** `GET /internal/revocations`: what gateways must forget. */
export const revocationRoutes =
  ({ revocations, signingKeys }: FeedOptions) =>
  async (routes: App) => {
    routes.get('/internal/revocations', { schema: { querystring: feedQuery } }, (request, reply) =>
      reply
        .header('cache-control', 'no-store')
        .send({ ...revocations.since(request.query.after ?? 0), jwks: signingKeys.jwks().hash }),
    )
  }

import type { App } from '#shared/server.ts'
import type { Feed } from './feed.ts'
import { feedQuery, feedSchema } from './schema.ts'

/** `GET /internal/revocations`: what gateways must forget. */
export const revocationRoutes = (feed: Feed) => async (routes: App) => {
  routes.get(
    '/internal/revocations',
    {
      config: { etag: false },
      schema: {
        tags: ['internal'],
        summary: 'Credentials that ended, as soon as they end',
        querystring: feedQuery,
        response: { 200: feedSchema },
      },
    },
    async (request, reply) => {
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      return reply.header('cache-control', 'no-store').send(await feed.after(request.query, gone.signal))
    },
  )
}

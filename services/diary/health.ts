import { HEALTH_NAMES } from '#shared/ports.ts'
import type { Health } from '#shared/health.ts'
import type { App } from '#shared/server.ts'
import { timestamp } from './timestamp.ts'

/** `GET /health` in the shape that the existing monitor and smoke test read. */
export const healthRoute =
  (health: Health) =>
  async (routes: App): Promise<void> => {
    routes.get(
      '/health',
      { config: { public: true, etag: false }, schema: { tags: ['health'], summary: 'Whether the diary works' } },
      (_request, reply) => {
        const usable = health.isDatabaseUsable()
        return reply.code(usable ? 200 : 503).send({
          status: usable ? 'healthy' : 'unhealthy',
          service: HEALTH_NAMES.diary,
          timestamp: timestamp(),
          database: usable ? 'connected' : 'disconnected',
          uptime: process.uptime(),
        })
      },
    )
  }

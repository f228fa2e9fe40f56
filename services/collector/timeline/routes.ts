import type { App } from '#shared/server.ts'
import type { CollectorConfig } from '../config.ts'
import { timelineQuery, timelineSchema } from './schema.ts'
import type { Stores } from '../engine/engine.ts'

export const timelineRoutes = (store: Stores['timeline'], config: CollectorConfig) => async (app: App) => {
  app.get(
    '/timeline',
    {
      schema: {
        tags: ['timeline'],
        summary: 'Reports per hour (UTC) and severity',
        description: 'Every hour of the window is there, oldest first, the last one still under way.',
        querystring: timelineQuery(config),
        response: { 200: timelineSchema },
      },
    },
    async (request) => {
      const { window_h } = request.query
      return { window_h, buckets: await store.buckets(request.caller.tenant, window_h, Date.now()) }
    },
  )
}

import { identifyCaller } from '#shared/caller.ts'
import type { Database } from '#shared/database.ts'
import { serveOpenApi } from '#shared/openapi.ts'
import { createServer } from '#shared/server.ts'
import { EXIT, type Built, type Deps, type ProcessOptions } from '#shared/start.ts'
import { createWrites } from '#shared/writes.ts'
import { settings, type CalendarConfig } from './config.ts'
import { eventTagRoutes } from './event-tags/routes.ts'
import { createEventTagStore } from './event-tags/store.ts'
import { eventRoutes } from './events/routes.ts'
import { createEventStore } from './events/store.ts'
import { healthRoute } from './health.ts'
import { registerCalendarMetrics } from './metrics.ts'
import { openCalendarDatabase } from './migrations.ts'
import { tagRoutes } from './tags/routes.ts'
import { createTagStore } from './tags/store.ts'
import { todoRoutes } from './todos/routes.ts'
import { createTodoStore } from './todos/store.ts'

export const calendarProcess: ProcessOptions<CalendarConfig> = {
  name: 'calendar',
  settings,
  port: (config) => config.CALENDAR_PORT,
  openDatabase: openCalendarDatabase,
  build: buildCalendar,
}

/** The calendar on an open database; it never listens. */
export function buildCalendar(config: CalendarConfig, deps: Deps): Built {
  const { logger, health, metrics } = deps
  const db = deps.database as Database
  const writes = createWrites(db, config, {
    health,
    onDiskFailure: (error) => {
      logger.fatal({ err: error }, 'the disk failed; what it holds is read anew at the next start')
      process.exit(EXIT.diskFailure)
    },
  })
  registerCalendarMetrics(metrics.registry, writes.pending)
  const app = createServer({
    config,
    ...deps,
    identify: (request) =>
      identifyCaller(request, { service: 'calendar', access: config.ACCESS, secret: config.INTERNAL_SECRET }),
  })
  const events = createEventStore(db)
  const eventTags = eventTagRoutes(createEventTagStore(db), events, writes, config)

  serveOpenApi(app, 'Calendar', 'Events, their tags, and todos')
  void app.register(healthRoute(health))
  void app.register(eventRoutes(events, writes, config), { prefix: '/api/calendar/events' })
  void app.register(eventTags, { prefix: '/api/calendar/events/:eventId/tags' })
  void app.register(tagRoutes(createTagStore(db), writes, config), { prefix: '/api/calendar/tags' })
  void app.register(eventTags, { prefix: '/api/calendar/tags/events/:eventId/tags' })
  void app.register(todoRoutes(createTodoStore(db), writes, config), { prefix: '/api/calendar/todos' })
  return { app, close: writes.stop }
}

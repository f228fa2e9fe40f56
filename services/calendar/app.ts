import { accountDataRoutes } from '#shared/account-data.ts'
import { createService, serveServiceHealth } from '#shared/service.ts'
import type { Built, Deps, ProcessOptions } from '#shared/start.ts'
import { createCalendarData } from './account-data/store.ts'
import { settings, type CalendarConfig } from './config.ts'
import { eventTagRoutes } from './event-tags/routes.ts'
import { createEventTagStore } from './event-tags/store.ts'
import { eventRoutes } from './events/routes.ts'
import { createEventStore } from './events/store.ts'
import { registerCalendarMetrics } from './metrics.ts'
import { openCalendarDatabase } from './migrations.ts'
import { tagRoutes } from './tags/routes.ts'
import { createTagStore } from './tags/store.ts'
import { todoRoutes } from './todos/routes.ts'
import { createTodoStore } from './todos/store.ts'

const INFO = { name: 'calendar', title: 'Calendar', description: 'Events, their tags, and todos' } as const

export const calendarProcess: ProcessOptions<CalendarConfig> = {
  name: INFO.name,
  settings,
  port: (config) => config.CALENDAR_PORT,
  openDatabase: openCalendarDatabase,
  build: buildCalendar,
}

/** The calendar on an open database; it never listens. */
export function buildCalendar(config: CalendarConfig, deps: Deps): Built {
  const { db, writes, app } = createService(INFO, config, deps)
  registerCalendarMetrics(deps.metrics.registry, writes.pending)
  const events = createEventStore(db)
  const eventTags = eventTagRoutes(createEventTagStore(db), events, writes, config)

  serveServiceHealth(app, INFO.name, deps.health)
  void app.register(eventRoutes(events, writes, config), { prefix: '/api/calendar/events' })
  void app.register(eventTags, { prefix: '/api/calendar/events/:eventId/tags' })
  void app.register(tagRoutes(createTagStore(db), writes, config), { prefix: '/api/calendar/tags' })
  void app.register(eventTags, { prefix: '/api/calendar/tags/events/:eventId/tags' })
  void app.register(todoRoutes(createTodoStore(db), writes, config), { prefix: '/api/calendar/todos' })
  void app.register(accountDataRoutes(createCalendarData(db, writes)))
  return { app, close: writes.stop }
}

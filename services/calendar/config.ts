import { commonSettings, integer, type CommonConfig, type Settings } from '#shared/config.ts'
import { defaultTimeZone } from '#shared/time-zone.ts'

export interface CalendarConfig extends CommonConfig {
  DEFAULT_TIME_ZONE: string
  EVENTS_LIST_MAX: number
  TODOS_LIST_MAX: number
  TAGS_MAX: number
}

export const settings: Settings<CalendarConfig> = {
  ...commonSettings,
  DEFAULT_TIME_ZONE: defaultTimeZone(),
  EVENTS_LIST_MAX: integer(1, 10_000).default(1000).description('Most events, and the usual number, in one list'),
  TODOS_LIST_MAX: integer(1, 10_000).default(1000).description('Most todos, and the usual number, in one list'),
  TAGS_MAX: integer(5, 10_000).default(1000).description('Most tags of one user'),
}

import type Joi from 'joi'
import { commonSettings, integer, text, type CommonConfig, type Settings } from '#shared/config.ts'
import { zoneNamed } from './times.ts'

export interface CalendarConfig extends CommonConfig {
  DEFAULT_TIME_ZONE: string
  EVENTS_LIST_MAX: number
  TODOS_LIST_MAX: number
  TAGS_MAX: number
}

export const settings: Settings<CalendarConfig> = {
  ...commonSettings,
  DEFAULT_TIME_ZONE: text()
    .default('Asia/Seoul')
    .custom(
      (value: string, helpers: Joi.CustomHelpers) =>
        zoneNamed(value) ??
        helpers.message({ custom: 'DEFAULT_TIME_ZONE must be an IANA time zone such as Asia/Seoul' }),
    )
    .description('IANA time zone of users who name none'),
  EVENTS_LIST_MAX: integer(1, 10_000).default(1000).description('Most events, and the usual number, in one list'),
  TODOS_LIST_MAX: integer(1, 10_000).default(1000).description('Most todos, and the usual number, in one list'),
  TAGS_MAX: integer(5, 10_000).default(1000).description('Most tags of one user'),
}

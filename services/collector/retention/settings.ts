import { integer, text, type Settings } from '#shared/config.ts'
import type Joi from 'joi'
import { isSchedule } from './timetable.ts'

export interface RetentionConfig {
  RETENTION_ARCHIVE: 'on' | 'off'
  RETENTION_ARCHIVE_MAX_BYTES: number
  RETENTION_GRACE_DAYS: number
  RETENTION_LEASE_S: number
  RETENTION_RESTORE_MONTHS_MAX: number
  RETENTION_RESTORE_OLDEST_DAYS: number
  RETENTION_RESTORE_REFUSED_MAX: number
  RETENTION_RESTORES_MAX: number
  RETENTION_RESTORES_TENANT_MAX: number
  RETENTION_RUNS_KEPT: number
  RETENTION_SCHEDULE: string
  RETENTION_VACUUM_MAX_BYTES: number
}

export const retentionSettings: Settings<RetentionConfig> = {
  RETENTION_ARCHIVE: text()
    .valid('on', 'off')
    .default('on')
    .description('Whether reports go into an archive before retention deletes them, where a tenant has not said'),
  RETENTION_ARCHIVE_MAX_BYTES: integer(1024, 1e10)
    .default(67_108_864)
    .description('Size of reports in one archive, before compression; then the next one begins'),
  RETENTION_GRACE_DAYS: integer(0, 36_500)
    .default(30)
    .description('Time for which a report from an archive is kept again; 0 for none'),
  RETENTION_LEASE_S: integer(1, 3600)
    .default(20)
    .description('Time after which a run of a replica (PostgreSQL) that says nothing more is taken for dead'),
  RETENTION_RESTORE_MONTHS_MAX: integer(1, 120)
    .default(12)
    .description('Months (UTC) that the reports of one request that restores may be of; an archive has one'),
  RETENTION_RESTORE_OLDEST_DAYS: integer(1, 10_950)
    .default(3650)
    .description('Age above which a report is not taken back'),
  RETENTION_RESTORE_REFUSED_MAX: integer(1, 10_000)
    .default(1000)
    .description('Lines of one request that may be refused; at the next one it ends: 400'),
  RETENTION_RESTORES_MAX: integer(1, 1000).default(8).description('Requests that restore at a time; beyond: 503'),
  RETENTION_RESTORES_TENANT_MAX: integer(1, 1000)
    .default(2)
    .description('Requests of one tenant that restore at a time; beyond: 429'),
  RETENTION_RUNS_KEPT: integer(1, 10_000).default(100).description('Retention runs of a tenant that are remembered'),
  RETENTION_SCHEDULE: text()
    .default('03:00')
    .custom((value: string, helpers: Joi.CustomHelpers) =>
      isSchedule(value)
        ? value
        : helpers.message({ custom: 'RETENTION_SCHEDULE must be HH:MM (UTC), an interval such as 6h or 30m, or off' }),
    )
    .description('When retention runs by itself: HH:MM (UTC), every 6h, 30m or 10s, or off'),
  RETENTION_VACUUM_MAX_BYTES: integer(0, 1e13)
    .default(67_108_864)
    .description('Largest older database that is rewritten once at a start, so that it can give space back'),
}

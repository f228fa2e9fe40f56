import { integer, type Settings } from '#shared/config.ts'

export interface TimelineConfig {
  TIMELINE_MAX_H: number
  TIMELINE_NAMES_MAX: number
  TIMELINE_BUCKETS_MAX: number
}

export const TIMELINE_NAMES_DEFAULT = 100

export const timelineSettings: Settings<TimelineConfig> = {
  TIMELINE_MAX_H: integer(1, 87_600).default(8760).description('Widest window of the timeline, in hours'),
  TIMELINE_NAMES_MAX: integer(1, 10_000)
    .default(TIMELINE_NAMES_DEFAULT)
    .description(
      'Rules, and policy versions, that are counted apart in one bucket of the timeline; the rest is counted together',
    ),
  TIMELINE_BUCKETS_MAX: integer(1, 100_000)
    .default(400)
    .description('Most buckets of the timeline by rule or policy version; more ask for a larger bucket'),
}

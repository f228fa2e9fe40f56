import { integer, type Settings } from '#shared/config.ts'

export interface FindingsConfig {
  FINDINGS_PER_REPORT_MAX: number
  FINDINGS_MAX: number
}

export const findingsSettings: Settings<FindingsConfig> = {
  FINDINGS_PER_REPORT_MAX: integer(1, 100_000)
    .default(1000)
    .description('Findings that one report may tell of; the others are in the report, and in no finding'),
  FINDINGS_MAX: integer(1, 1e7)
    .default(100_000)
    .description('Findings of one tenant; beyond, new ones are counted and not recorded'),
}

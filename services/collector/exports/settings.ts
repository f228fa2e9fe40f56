import { integer, type Settings } from '#shared/config.ts'

export interface ExportConfig {
  SIGN_TOKEN_TTL_MAX_S: number
  SIGN_TOKENS_MAX: number
  SIGN_HISTORY_DAYS: number
  EXPORTS_MAX: number
  EXPORTS_AT_WORK_MAX: number
  EXPORTS_TENANT_MAX: number
  EXPORT_PAGE: number
  EXPORT_FOLDER: number
  EXPORT_STALL_S: number
  EXPORT_RATE_MIN_BYTES: number
}

export const exportSettings: Settings<ExportConfig> = {
  SIGN_TOKEN_TTL_MAX_S: integer(1, 31_536_000)
    .default(604_800)
    .description('Longest time that may be asked for when a link is made'),
  SIGN_TOKENS_MAX: integer(1, 100_000).default(1000).description('Good links to one report at a time; beyond: 409'),
  SIGN_HISTORY_DAYS: integer(1, 36_500)
    .default(90)
    .description('Days for which a sign history shows a link that is over'),
  EXPORTS_MAX: integer(1, 1000).default(32).description('Exports of many reports at a time; beyond: 503'),
  EXPORTS_AT_WORK_MAX: integer(1, 1000)
    .default(4)
    .description('Exports that read their next reports at the same time; the others wait for their turn'),
  EXPORTS_TENANT_MAX: integer(1, 1000).default(2).description('Exports of one tenant at a time; beyond: 429'),
  EXPORT_PAGE: integer(1, 1000)
    .default(50)
    .description('Most reports that an export reads at once, while nothing else is done'),
  EXPORT_FOLDER: integer(1, 10_000).default(1000).description('Reports in one folder of an exported zip'),
  EXPORT_STALL_S: integer(1, 86_400)
    .default(60)
    .description('Time after which an export ends whose client takes nothing'),
  EXPORT_RATE_MIN_BYTES: integer(0, 1_000_000_000)
    .default(32_768)
    .description(
      'Bytes a second that the client of an export takes at least, over EXPORT_STALL_S; below it ends. 0: any',
    ),
}

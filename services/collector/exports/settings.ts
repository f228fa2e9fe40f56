import { integer, type Settings } from '#shared/config.ts'

export interface ExportConfig {
  SIGN_TOKEN_TTL_MAX_S: number
  EXPORTS_MAX: number
  EXPORTS_TENANT_MAX: number
  EXPORT_PAGE: number
  EXPORT_FOLDER: number
  EXPORT_STALL_S: number
}

export const exportSettings: Settings<ExportConfig> = {
  SIGN_TOKEN_TTL_MAX_S: integer(1, 31_536_000)
    .default(604_800)
    .description('Longest time that may be asked for when a link is made'),
  EXPORTS_MAX: integer(1, 1000).default(4).description('Exports of many reports at a time; beyond: 503'),
  EXPORTS_TENANT_MAX: integer(1, 1000).default(2).description('Exports of one tenant at a time; beyond: 429'),
  EXPORT_PAGE: integer(1, 1000)
    .default(50)
    .description('Most reports that an export reads at once, while nothing else is done'),
  EXPORT_FOLDER: integer(1, 10_000).default(1000).description('Reports in one folder of an exported zip'),
  EXPORT_STALL_S: integer(1, 86_400)
    .default(60)
    .description('Time after which an export ends whose client takes nothing'),
}

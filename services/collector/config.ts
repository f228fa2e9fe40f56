import { apiKeysSetting, type ApiKeysConfig } from '#shared/api-keys.ts'
import { commonSettings, integer, type CommonConfig, type Settings } from '#shared/config.ts'
import { keyringSettings, type KeyringConfig } from '#shared/keyring.ts'

export interface CollectorConfig extends CommonConfig, ApiKeysConfig, KeyringConfig {
  COLLECTOR_BODY_MAX_BYTES: number
  REPORTS_LIST_MAX: number
  SIGN_HISTORY_LIST_MAX: number
  SIGN_TOKEN_TTL_S: number
  TIMELINE_MAX_H: number
  RETAIN_DAYS: number
  RETENTION_CHUNK: number
  AUDIT_LIST_MAX: number
  AUDIT_RETAIN_DAYS: number
  AUDIT_QUEUE_MAX: number
  AUDIT_FLUSH_MS: number
}

export const settings: Settings<CollectorConfig> = {
  ...commonSettings,
  ...keyringSettings,
  API_KEYS: apiKeysSetting,
  COLLECTOR_BODY_MAX_BYTES: integer(1024, 1e9).default(1_048_576).description('Largest report, in bytes'),
  REPORTS_LIST_MAX: integer(1, 10_000).default(100).description('Most reports in one page of the list'),
  SIGN_HISTORY_LIST_MAX: integer(1, 10_000).default(1000).description('Most entries in one answer of a sign history'),
  SIGN_TOKEN_TTL_S: integer(1, 604_800).default(3600).description('Time for which a download link is good'),
  TIMELINE_MAX_H: integer(1, 87_600).default(8760).description('Widest window of the timeline, in hours'),
  RETAIN_DAYS: integer(1, 36_500).default(30).description('Age at which a retention run deletes reports'),
  RETENTION_CHUNK: integer(1, 10_000)
    .default(100)
    .description('Reports that a retention run deletes in one transaction'),
  AUDIT_LIST_MAX: integer(1, 10_000).default(1000).description('Most entries in one answer of the audit log'),
  AUDIT_RETAIN_DAYS: integer(1, 36_500).default(30).description('Age at which audit entries are deleted'),
  AUDIT_QUEUE_MAX: integer(1, 1e6)
    .default(10_000)
    .description('Audit entries that may wait; beyond, dropped and counted'),
  AUDIT_FLUSH_MS: integer(1, 60_000).default(500).description('Longest wait of an audit entry for the disk'),
}

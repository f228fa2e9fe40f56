import { apiKeysSetting, type ApiKeysConfig } from '#shared/api-keys.ts'
import { commonSettings, integer, text, type CommonConfig, type Settings } from '#shared/config.ts'
import { keyringSettings, type KeyringConfig } from '#shared/keyring.ts'
import Joi from 'joi'
import { alertsSettings, type AlertsConfig } from './alerts/settings.ts'
import { batchSettings, type BatchConfig } from './ingest/batch/settings.ts'
import { findingsSettings, type FindingsConfig } from './findings/settings.ts'
import { exportSettings, type ExportConfig } from './exports/settings.ts'
import { retentionSettings, type RetentionConfig } from './retention/settings.ts'
import { postgresSettings, type PostgresConfig } from './postgres/settings.ts'
import { streamSettings, type StreamConfig } from './stream/settings.ts'
import { tenantsSettings, type TenantsConfig } from './tenants/settings.ts'
import { timelineSettings, type TimelineConfig } from './timeline/settings.ts'

export interface CollectorConfig
  extends
    CommonConfig,
    PostgresConfig,
    ApiKeysConfig,
    KeyringConfig,
    TenantsConfig,
    BatchConfig,
    FindingsConfig,
    ExportConfig,
    RetentionConfig,
    AlertsConfig,
    TimelineConfig,
    StreamConfig {
  COLLECTOR_BODY_MAX_BYTES: number
  REPORT_STRING_MAX: number
  REPORT_NUMBER_MAX: number
  INGEST_BATCH_MAX: number
  INGEST_BATCH_MAX_BYTES: number
  INGEST_CHUNK: number
  INGEST_DEDUPE_HOURS: number
  INGEST_DEDUPE_MAX: number
  LABEL_ALLOWLIST: string
  SCHEMA_MAX_BYTES: number
  SCHEMAS_MAX: number
  REPLAY_CHUNK: number
  WRITE_QUEUE_MAX_BYTES: number
  WRITE_QUEUE_SHARE: number
  REPORTS_LIST_MAX: number
  FINDINGS_LIST_MAX: number
  FINDING_FLAKY_CHANGES: number
  SIGN_HISTORY_LIST_MAX: number
  SIGN_TOKEN_TTL_S: number
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
  ...postgresSettings,
  ...tenantsSettings,
  ...batchSettings,
  ...findingsSettings,
  ...retentionSettings,
  ...exportSettings,
  ...alertsSettings,
  ...timelineSettings,
  ...streamSettings,
  API_KEYS: apiKeysSetting,
  COLLECTOR_BODY_MAX_BYTES: integer(1024, 1e9).default(1_048_576).description('Largest report, in bytes'),
  REPORT_STRING_MAX: integer(1, 1e9).default(1_048_576).description('Longest text or key in a report, in characters'),
  REPORT_NUMBER_MAX: Joi.number()
    .unsafe()
    .empty('')
    .positive()
    .default(Number.MAX_VALUE)
    .description('Largest absolute value of a number in a report'),
  INGEST_BATCH_MAX: integer(1, 100_000).default(10_000).description('Most reports in one batch'),
  INGEST_BATCH_MAX_BYTES: integer(1024, 1e10)
    .default(104_857_600)
    .description('Largest batch, in bytes after its content coding is undone'),
  INGEST_CHUNK: integer(1, 10_000).default(250).description('Reports of a batch that are stored in one write'),
  INGEST_DEDUPE_HOURS: integer(0, 720)
    .default(24)
    .description('Time in which the same report is stored only once; 0 stores it every time'),
  INGEST_DEDUPE_MAX: integer(1, 1e9)
    .default(3_000_000)
    .description(
      'Reports that can be known again within that time; beyond, the oldest are not. About 11 bytes of memory each',
    ),
  LABEL_ALLOWLIST: text().default('decision,ok').description('Names of labels that are kept of a report'),
  SCHEMA_MAX_BYTES: integer(100, 1e6).default(65_536).description('Largest schema of a tenant, in bytes'),
  SCHEMAS_MAX: integer(1, 10_000).default(100).description('Most versions of all schemas of a tenant together'),
  REPLAY_CHUNK: integer(1, 10_000).default(100).description('Reports that a replay checks again in one transaction'),
  WRITE_QUEUE_MAX_BYTES: integer(1024, 1e10)
    .default(33_554_432)
    .description('Reports that may wait for the disk, in bytes; beyond: 503'),
  WRITE_QUEUE_SHARE: integer(1, 1e6)
    .default(4)
    .description('Most that one tenant may have of what waits, as a multiple of the room that is left; beyond: 503'),
  REPORTS_LIST_MAX: integer(1, 10_000).default(100).description('Most reports in one page of the list'),
  FINDINGS_LIST_MAX: integer(1, 10_000).default(100).description('Most findings, or entries of a history, in one page'),
  FINDING_FLAKY_CHANGES: integer(1, 1000)
    .default(2)
    .description('Changes of its verdict from one report to the next that make a finding flaky'),
  SIGN_HISTORY_LIST_MAX: integer(1, 10_000).default(1000).description('Most entries in one answer of a sign history'),
  SIGN_TOKEN_TTL_S: integer(1, 604_800).default(3600).description('Time for which a download link is good'),
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

import type { CollectorConfig } from '../config.ts'

/** What a tenant may have so much of. */
export const QUOTA_NAMES = ['reportsPerMinute', 'reportsPerDay', 'bytesPerDay', 'storageBytes'] as const
export type QuotaName = (typeof QUOTA_NAMES)[number]

/** Why something of a tenant was not taken. */
export const REFUSAL_REASONS = [...QUOTA_NAMES, 'suspended', 'overloaded'] as const
export type RefusalReason = (typeof REFUSAL_REASONS)[number]

/** What becomes of reports of which nothing is stored, and which no quota refused: they are counted with those. */
export const UNSTORED = ['duplicate', 'rejected'] as const
export type Unstored = (typeof UNSTORED)[number]

/** As they are set for a tenant: null is what the settings say, 0 is no limit. */
export type Quotas = Record<QuotaName, number | null>
/** As they hold: Infinity is no limit. */
export type Limits = Record<QuotaName, number>

export const STANDARD_QUOTAS: Quotas = {
  reportsPerMinute: null,
  reportsPerDay: null,
  bytesPerDay: null,
  storageBytes: null,
}

const SETTING_OF = {
  reportsPerMinute: 'QUOTA_REPORTS_PER_MINUTE',
  reportsPerDay: 'QUOTA_REPORTS_PER_DAY',
  bytesPerDay: 'QUOTA_BYTES_PER_DAY',
  storageBytes: 'QUOTA_STORAGE_BYTES',
} as const satisfies Record<QuotaName, keyof CollectorConfig>

type QuotaConfig = Pick<CollectorConfig, (typeof SETTING_OF)[QuotaName]>

export function limitsOf(quotas: Quotas, config: QuotaConfig): Limits {
  const limit = (name: QuotaName) => (quotas[name] ?? config[SETTING_OF[name]]) || Infinity
  return {
    reportsPerMinute: limit('reportsPerMinute'),
    reportsPerDay: limit('reportsPerDay'),
    bytesPerDay: limit('bytesPerDay'),
    storageBytes: limit('storageBytes'),
  }
}

export const DAY_MS = 86_400_000
/** The UTC day of a moment, as its first millisecond. */
export const dayOf = (time: number): number => Math.floor(time / DAY_MS) * DAY_MS

import { integer, type Settings } from '#shared/config.ts'

export interface TenantsConfig {
  QUOTA_REPORTS_PER_MINUTE: number
  QUOTA_REPORTS_PER_DAY: number
  QUOTA_BYTES_PER_DAY: number
  QUOTA_STORAGE_BYTES: number
  COLLECTOR_TENANTS_MAX: number
  COLLECTOR_TENANTS_LIST_MAX: number
  USAGE_DAYS_MAX: number
  USAGE_FLUSH_MS: number
}

const quota = (what: string) =>
  integer(0, Number.MAX_SAFE_INTEGER)
    .default(0)
    .description(`${what} of a tenant without a quota of its own; 0: no limit`)

export const tenantsSettings: Settings<TenantsConfig> = {
  QUOTA_REPORTS_PER_MINUTE: quota('Reports a minute'),
  QUOTA_REPORTS_PER_DAY: quota('Reports stored a day (UTC)'),
  QUOTA_BYTES_PER_DAY: quota('Bytes of reports stored a day (UTC)'),
  QUOTA_STORAGE_BYTES: quota('Bytes of all stored reports'),
  COLLECTOR_TENANTS_MAX: integer(1, 1e6).default(10_000).description('Most tenants with settings of their own'),
  COLLECTOR_TENANTS_LIST_MAX: integer(1, 10_000).default(100).description('Most tenants in one page of the list'),
  USAGE_DAYS_MAX: integer(1, 3660).default(400).description('Days for which the usage of a tenant is kept'),
  USAGE_FLUSH_MS: integer(1, 60_000)
    .default(1000)
    .description('Longest wait of the count of refused reports for the disk'),
}

import { monitorKeyOf, type MonitorConfig } from './settings.ts'

/** The credentials of the load. */
export interface Access {
  monitorKey: string | undefined
  apiKey: { tenant: string; key: string }
}

/** The header that exempts from rate limits, when there is a key. */
export const exemption = (monitorKey: string | undefined): Record<string, string> =>
  monitorKey === undefined ? {} : { 'x-monitor-key': monitorKey }

/** The monitor's key, and the first of the collector's. */
export function accessOf(config: MonitorConfig): Access {
  const [tenant = '', key = ''] = config.API_KEYS.split(',', 1)[0]?.trim().split(':') ?? []
  return { monitorKey: monitorKeyOf(config), apiKey: { tenant, key } }
}

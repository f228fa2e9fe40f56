import { monitorKeyOf, type MonitorConfig } from './settings.ts'

/** What says who sends the load: a key of identity (NAJIMBAN_KEY), or one of the collector and its tenant. */
export interface ApiKey {
  tenant?: string
  key: string
}

/** The credentials of the load. */
export interface Access {
  monitorKey: string | undefined
  apiKey: ApiKey
}

/** The header that exempts from rate limits, when there is a key. */
export const exemption = (monitorKey: string | undefined): Record<string, string> =>
  monitorKey === undefined ? {} : { 'x-monitor-key': monitorKey }

/** The fields of a request that carry a key. */
export const keyHeaders = ({ tenant, key }: ApiKey): Record<string, string> => ({
  ...(tenant === undefined ? {} : { 'x-tenant': tenant }),
  'x-api-key': key,
})

/** The monitor's key, and the one of NAJIMBAN_KEY or else the first of the collector's. */
export function accessOf(config: MonitorConfig): Access {
  if (config.NAJIMBAN_KEY !== undefined) {
    return { monitorKey: monitorKeyOf(config), apiKey: { key: config.NAJIMBAN_KEY } }
  }
  const [tenant = '', key = ''] = config.API_KEYS.split(',', 1)[0]?.trim().split(':') ?? []
  return { monitorKey: monitorKeyOf(config), apiKey: { tenant, key } }
}

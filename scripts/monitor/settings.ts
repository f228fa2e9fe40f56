import { readFileSync } from 'node:fs'
import path from 'node:path'
import { apiKeysSetting, type ApiKeysConfig } from '#shared/api-keys.ts'
import { commonSettings, text, type CommonConfig, type Settings } from '#shared/config.ts'

export interface MonitorConfig extends CommonConfig, ApiKeysConfig {
  MONITOR_KEY?: string
  NAJIMBAN_KEY?: string
}

export const monitorSettings: Settings<MonitorConfig> = {
  ...commonSettings,
  API_KEYS: apiKeysSetting,
  MONITOR_KEY: text(),
  // From the environment only: an option would show it to everybody who lists processes.
  NAJIMBAN_KEY: text(),
}

/** The credential that consumes nobody's budget: `MONITOR_KEY`, or the file that start leaves; undefined without either. */
export function monitorKeyOf(config: Pick<MonitorConfig, 'MONITOR_KEY' | 'DATA_DIR'>): string | undefined {
  if (config.MONITOR_KEY !== undefined) return config.MONITOR_KEY
  try {
    return readFileSync(path.join(config.DATA_DIR, 'monitor.key'), 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

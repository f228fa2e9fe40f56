import { createApiKeys, type ApiKey } from '#shared/api-keys.ts'
import { NO_API_KEYS } from '#shared/config.ts'

export type Tenants = ReturnType<typeof createTenants>

/** The tenants of `API_KEYS` and their keys. */
export function createTenants(setting: string) {
  const keys = createApiKeys(setting)
  const entries = setting === NO_API_KEYS ? [] : setting.split(',')
  const names = new Set(entries.map((entry) => entry.trim().split(':', 1)[0] as string))
  return {
    names: [...names],
    exists: (name: string): boolean => names.has(name),
    /** The key that `secret` is, for this tenant; undefined when the tenant or the key is unknown. */
    verify: (name: string, secret: string): ApiKey | undefined => keys.verify(name, secret),
  }
}

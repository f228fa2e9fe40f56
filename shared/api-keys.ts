import { hash, timingSafeEqual } from 'node:crypto'
import type Joi from 'joi'
import { DEFAULT_API_KEYS, NO_API_KEYS, text } from './config.ts'

/** One key of a tenant, as `API_KEYS` names it: `tenant:key[:role]`. */
export interface ApiKey {
  tenant: string
  role: string
  /** Whether the setting says so; a key without a role is its tenant's administrator. */
  isNamed: boolean
}

export interface ApiKeysConfig {
  API_KEYS: string
}

const ENTRY = /^[\w.-]{1,64}:[^\s:,]{1,256}(?::[a-z]{1,32})?$/

export const apiKeysSetting = text()
  .default(DEFAULT_API_KEYS)
  .custom((value: string, helpers: Joi.CustomHelpers) =>
    value === NO_API_KEYS || value.split(',').every((entry) => ENTRY.test(entry.trim()))
      ? value
      : helpers.message({
          custom: 'API_KEYS must be a list of tenant:key or tenant:key:role, separated by commas, or none',
        }),
  )
  .description(
    'Keys of the collector: tenant:key[:role], separated by commas; none (the default in production) for no key',
  )

const digest = (value: string) => hash('sha256', value, 'buffer')

/** Looks keys up by tenant; every key of the tenant is compared, each in constant time. */
export function createApiKeys(setting: string) {
  const byTenant = new Map<string, { digest: Buffer; key: ApiKey }[]>()
  for (const entry of setting === NO_API_KEYS ? [] : setting.split(',')) {
    const [tenant, secret, role] = entry.trim().split(':') as [string, string, string?]
    byTenant.set(tenant, [
      ...(byTenant.get(tenant) ?? []),
      { digest: digest(secret), key: { tenant, role: role ?? 'admin', isNamed: role !== undefined } },
    ])
  }
  return {
    /** The key that `secret` is, for this tenant; undefined when it is none. */
    verify(tenant: string, secret: string): ApiKey | undefined {
      const offered = digest(secret)
      let found: ApiKey | undefined
      for (const known of byTenant.get(tenant) ?? []) if (timingSafeEqual(known.digest, offered)) found = known.key
      return found
    },
  }
}

import { timingSafeEqual } from 'node:crypto'
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

const LENGTH_BYTES = 4
/** A key has at most 256 characters, and a character at most three bytes. */
const FIELD_BYTES = LENGTH_BYTES + 768

/** A key's length and bytes in a field of one size, so that comparing takes the same time whatever is in it. */
function fieldOf(secret: string, field = Buffer.alloc(FIELD_BYTES)): Buffer {
  field.writeUInt32LE(secret.length)
  field.fill(0, LENGTH_BYTES + field.write(secret, LENGTH_BYTES))
  return field
}

/** Looks keys up by tenant; every key of the tenant is compared, each in constant time. */
export function createApiKeys(setting: string) {
  const byTenant = new Map<string, { field: Buffer; key: ApiKey }[]>()
  const offered = Buffer.alloc(FIELD_BYTES)
  for (const entry of setting === NO_API_KEYS ? [] : setting.split(',')) {
    const [tenant, secret, role] = entry.trim().split(':') as [string, string, string?]
    byTenant.set(tenant, [
      ...(byTenant.get(tenant) ?? []),
      { field: fieldOf(secret), key: { tenant, role: role ?? 'admin', isNamed: role !== undefined } },
    ])
  }
  return {
    /** The key that `secret` is, for this tenant; undefined when it is none. */
    verify(tenant: string, secret: string): ApiKey | undefined {
      fieldOf(secret, offered)
      let found: ApiKey | undefined
      for (const known of byTenant.get(tenant) ?? []) if (timingSafeEqual(known.field, offered)) found = known.key
      return found
    },
  }
}

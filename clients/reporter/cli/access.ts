import type { Credentials } from '../send/credentials.ts'
import { UsageError } from './args.ts'

const OWN_KEY = 'njm_'
/** The API_KEYS of a system that was just started; everybody knows it, so it goes to this machine only. */
export const DEFAULT_API_KEYS = 'default:collector-key'
const LOOPBACK = /^https?:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?(\/|$)/i

/** `tenant:key[:role]`, comma-separated, as the services read it. */
const entriesOf = (setting: string) =>
  setting
    .split(',')
    .map((entry) => entry.trim().split(':'))
    .filter(([tenant, key]) => Boolean(tenant) && Boolean(key))
    .map(([tenant, key]) => ({ tenant: tenant as string, key: key as string }))

/**
 * The key for sending: NAJIMBAN_KEY, or else the first one of the tenant in API_KEYS (of the first tenant when none is named).
 * With neither, and a collector on this machine, it is the key that a fresh system has.
 * @param url of the collector
 * @throws UsageError saying which setting is missing; never with a key in it
 */
export function accessOf(env: NodeJS.ProcessEnv, tenant: string | undefined, url: string): Credentials {
  const key = env.NAJIMBAN_KEY
  if (key !== undefined && key !== '') {
    if (tenant !== undefined) return { key, tenant }
    if (key.startsWith(OWN_KEY)) return { key }
    throw new UsageError('this key needs a tenant: --tenant NAME or NAJIMBAN_TENANT')
  }
  const entries = entriesOf(env.API_KEYS || (LOOPBACK.test(url) ? DEFAULT_API_KEYS : ''))
  const found = entries.find((entry) => tenant === undefined || entry.tenant === tenant)
  if (found !== undefined) return found
  const whose = entries.length === 0 ? '' : ` (API_KEYS has none for the tenant ${tenant})`
  throw new UsageError(`there is no key: set NAJIMBAN_KEY or API_KEYS${whose}`)
}

import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { createApiKeys } from '#shared/api-keys.ts'
import { networkOf } from '#shared/network.ts'

export const MONITOR_HEADER = 'x-monitor-key'

const digest = (value: string) => createHash('sha256').update(value).digest()

export const networkKey = (ip: string): string => `ip:${networkOf(ip)}`

/**
 * Whose budget a request uses that shows no credential of identity: the verified tenant key's, else the network's. An
 * unverified one counts for nothing, or a client could have a new budget with every invented key.
 */
export function clientKey(headers: IncomingHttpHeaders, ip: string, apiKeys: ReturnType<typeof createApiKeys>): string {
  const { 'x-tenant': tenant, 'x-api-key': secret } = headers
  if (typeof tenant === 'string' && typeof secret === 'string' && apiKeys.verify(tenant, secret) !== undefined) {
    return `key:${tenant}:${digest(secret).toString('base64url', 0, 12)}`
  }
  return networkKey(ip)
}

/** Whether a request carries the monitor's key; compared in constant time. */
export function createMonitorCheck(key: string | undefined) {
  const expected = key === undefined ? undefined : digest(key)
  return (headers: IncomingHttpHeaders): boolean => {
    const offered = headers[MONITOR_HEADER]
    return expected !== undefined && typeof offered === 'string' && timingSafeEqual(digest(offered), expected)
  }
}

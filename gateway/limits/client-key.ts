import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isIPv6 } from 'node:net'
import type { createApiKeys } from '#shared/api-keys.ts'

export const MONITOR_HEADER = 'x-monitor-key'

const digest = (value: string) => createHash('sha256').update(value).digest()

/** The first 64 bits of an IPv6 address: what one household or host is given (RFC 6177). IPv4 stays whole. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.split('::', 2)
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  const groups = [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16))
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 255])
      .join('.')
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

/**
 * Whose budget a request uses: the verified credential's, else the network's. An unverified one counts for nothing,
 * or a client could have a new budget with every invented key.
 */
export function clientKey(headers: IncomingHttpHeaders, ip: string, apiKeys: ReturnType<typeof createApiKeys>): string {
  const { 'x-tenant': tenant, 'x-api-key': secret } = headers
  if (typeof tenant === 'string' && typeof secret === 'string' && apiKeys.verify(tenant, secret) !== undefined) {
    return `key:${tenant}:${digest(secret).toString('base64url', 0, 12)}`
  }
  return `ip:${networkOf(ip)}`
}

/** Whether a request carries the monitor's key; compared in constant time. */
export function createMonitorCheck(key: string | undefined) {
  const expected = key === undefined ? undefined : digest(key)
  return (headers: IncomingHttpHeaders): boolean => {
    const offered = headers[MONITOR_HEADER]
    return expected !== undefined && typeof offered === 'string' && timingSafeEqual(digest(offered), expected)
  }
}

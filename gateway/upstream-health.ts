import type { Addresses } from '#shared/addresses.ts'
import { ask } from './ask.ts'
import type { Proxy } from './proxy/contract.ts'
import { UPSTREAM_NAMES, type UpstreamName } from './upstreams.ts'

export interface UpstreamStatus {
  status: 'up' | 'down'
  breaker: string
  reason?: string
}

export type UpstreamHealth = ReturnType<typeof createUpstreamHealth>

/** A probe's result serves everybody for this long, so that /health cannot be used to load the services. */
const FRESH_MS = 1000

/** Asks every service whether it is ready; at most one round a second, whoever asks. */
export function createUpstreamHealth(
  addresses: Record<UpstreamName, Addresses>,
  proxies: Record<UpstreamName, Proxy>,
  timeoutMs: number,
) {
  let last: Promise<Record<UpstreamName, UpstreamStatus>> | undefined
  let askedAt = 0

  async function probe(name: UpstreamName): Promise<UpstreamStatus> {
    const { breaker } = proxies[name].state()
    try {
      const { status, body } = await ask(addresses[name].main, '/health/ready', timeoutMs)
      if (status === 200) return { status: 'up', breaker }
      const { reason = `answers ${status}` } = JSON.parse(body) as { reason?: string }
      return { status: 'down', breaker, reason }
    } catch (error) {
      const { code, name: kind } = error as NodeJS.ErrnoException
      return {
        status: 'down',
        breaker,
        reason: kind === 'TimeoutError' ? 'does not answer' : (code ?? 'answers wrongly'),
      }
    }
  }

  async function round(): Promise<Record<UpstreamName, UpstreamStatus>> {
    const statuses = await Promise.all(UPSTREAM_NAMES.map(async (name) => [name, await probe(name)] as const))
    return Object.fromEntries(statuses) as Record<UpstreamName, UpstreamStatus>
  }

  return {
    /** The state of every service, at most a second old. */
    check(): Promise<Record<UpstreamName, UpstreamStatus>> {
      if (last === undefined || Date.now() - askedAt > FRESH_MS) {
        askedAt = Date.now()
        last = round()
      }
      return last
    },
  }
}

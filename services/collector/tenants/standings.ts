import type { Tenant } from '#shared/scope.ts'
import { dayOf } from './quota.ts'
import type { Standing } from './store.ts'

/** Tenants whose standing is in memory; beyond, who was read first is read again. */
const KNOWN_MAX = 10_000

interface Known {
  standing: Standing
  readAt: number
}

interface StandingsParts {
  read(tenant: Tenant, day: number): Standing | Promise<Standing>
  /** Milliseconds for which a standing is good when others write, too; what this process writes is told at once. */
  maxAgeMs?: number
  /** Milliseconds since 1970. */
  now?: () => number
}

export type Standings = ReturnType<typeof createStandings>

/**
 * What decides about the next request of each tenant, in memory: it is read once, and then told after every write, in the same
 * moment in which that is answered. So it is what is on disk, and costs no query.
 */
export function createStandings({ read, maxAgeMs = Infinity, now = Date.now }: StandingsParts) {
  const known = new Map<Tenant, Known>()
  const reading = new Map<Tenant, Promise<Standing>>()
  const listeners = new Set<(tenant: Tenant) => void>()

  function keep(standing: Standing): Standing {
    reading.delete(standing.tenantId)
    known.delete(standing.tenantId)
    if (known.size >= KNOWN_MAX) known.delete(known.keys().next().value as Tenant)
    known.set(standing.tenantId, { standing, readAt: now() })
    if (standing.state === 'suspended') for (const listener of listeners) listener(standing.tenantId)
    return standing
  }

  function fetch(tenant: Tenant, day: number): Standing | Promise<Standing> {
    const under = reading.get(tenant)
    if (under !== undefined) return under
    const found = read(tenant, day)
    if (!(found instanceof Promise)) return keep(found)
    const isCurrent = () => reading.get(tenant) === kept
    const kept: Promise<Standing> = found
      // What was told meanwhile is newer than what was read, and what was forgotten is to be read again.
      .then((standing) => (isCurrent() ? keep(standing) : (known.get(tenant)?.standing ?? fetch(tenant, day))))
      .finally(() => isCurrent() && reading.delete(tenant))
    reading.set(tenant, kept)
    return kept
  }

  return {
    /** The tenant's standing today. */
    of(tenant: Tenant): Standing | Promise<Standing> {
      const time = now()
      const found = known.get(tenant)
      const day = dayOf(time)
      if (found?.standing.day !== day) return fetch(tenant, day)
      // A clock that went back says nothing about how old it is.
      const isFresh = maxAgeMs === Infinity || (time >= found.readAt && time - found.readAt < maxAgeMs)
      return isFresh ? found.standing : fetch(tenant, day)
    },
    /** What is known of it without waiting: on a new day nothing has come yet. */
    last(tenant: Tenant): Standing | undefined {
      const found = known.get(tenant)?.standing
      const day = dayOf(now())
      return found === undefined || found.day === day ? found : { ...found, day, reports: 0, bytes: 0 }
    },
    /** Calls `listener` for a tenant that is suspended, whenever that is seen; @returns what ends that */
    onSuspended(listener: (tenant: Tenant) => void): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    /** What is on disk after a write. */
    told(standings: readonly Standing[]): void {
      standings.forEach(keep)
    },
    /** Nobody knows what is on disk: it is read again. */
    forget(tenant: Tenant): void {
      reading.delete(tenant)
      known.delete(tenant)
    },
  }
}

import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'

interface SlotsOptions {
  /** What is under way, as a person calls it: plural. */
  what: string
  /** Most in all. */
  max?: number
  /** Most of one tenant, and the setting that says so. */
  tenantMax: number
  setting: string
  /** Least time after which it is worth while to come again. */
  retryAfterS: number
  /** Milliseconds, going on. */
  clock?: () => number
}

export type Slots = ReturnType<typeof createSlots>

const MS_PER_S = 1000
const RETRY_AFTER_MAX_S = 3600
/** Of a new measurement in the mean. */
const WEIGHT = 1 / 8

/**
 * How many requests are under way that each last as long as their client wants. The last half is for tenants that have none: a
 * few tenants never have all.
 */
export function createSlots({
  what,
  max = Infinity,
  tenantMax,
  setting,
  retryAfterS,
  clock = () => performance.now(),
}: SlotsOptions) {
  const taken = new Map<Tenant, Set<{ since: number }>>()
  let total = 0
  /** How long one lasts, in milliseconds. */
  let usual = 0

  /** When one of these is expected to end: as long as one lasts, by how many there are; longer when they last longer already. */
  function retryAfter(some: readonly { since: number }[]): Record<string, string> {
    const now = clock()
    const age = some.reduce((sum, { since }) => sum + now - since, 0) / some.length
    const seconds = Math.ceil(Math.max(usual, age) / some.length / MS_PER_S)
    return { 'retry-after': String(Math.max(retryAfterS, Math.min(seconds, RETRY_AFTER_MAX_S))) }
  }

  return {
    /**
     * Begins one. @returns what ends it, to be called once
     * @throws Problem 429 when the tenant has its share under way, 503 when there are too many in all
     */
    take(tenant: Tenant): () => void {
      const own = taken.get(tenant) ?? new Set()
      if (own.size >= tenantMax) {
        throw new Problem('too-many-requests', {
          detail: `This tenant has ${own.size} ${what} under way, and may have ${tenantMax} (${setting})`,
          headers: retryAfter([...own]),
        })
      }
      if (total >= (own.size === 0 ? max : max / 2)) {
        const all = [...taken.values()].flatMap((some) => [...some])
        throw new Problem('overloaded', { detail: `Too many ${what} are under way`, headers: retryAfter(all) })
      }
      const one = { since: clock() }
      total += 1
      taken.set(tenant, own.add(one))
      return () => {
        const lasted = clock() - one.since
        usual = usual === 0 ? lasted : usual + (lasted - usual) * WEIGHT
        total -= 1
        own.delete(one)
        if (own.size === 0) taken.delete(tenant)
      }
    },
  }
}

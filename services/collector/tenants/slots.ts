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

interface One {
  since: number
}

/** How long one lasts, in milliseconds; 0 before any has ended. */
const mean = (known: number, lasted: number) => (known === 0 ? lasted : known + (lasted - known) * WEIGHT)

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
  const taken = new Map<Tenant, { under: Set<One>; usual: number }>()
  let total = 0
  let usualOfAll = 0

  /** When one of these is expected to end: as long as one lasts, by how many there are; longer when they last longer already. */
  function retryAfter(some: readonly One[], usual: number): Record<string, string> {
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
      const own = taken.get(tenant) ?? { under: new Set(), usual: 0 }
      const { size } = own.under
      if (size >= tenantMax) {
        throw new Problem('too-many-requests', {
          detail: `This tenant has ${size} ${what} under way, and may have ${tenantMax} (${setting})`,
          // How long those of others last is nothing to it.
          headers: retryAfter([...own.under], own.usual),
        })
      }
      if (total >= (size === 0 ? max : max / 2)) {
        const all = [...taken.values()].flatMap(({ under }) => [...under])
        throw new Problem('overloaded', {
          detail: `Too many ${what} are under way`,
          headers: retryAfter(all, usualOfAll),
        })
      }
      const one = { since: clock() }
      total += 1
      own.under.add(one)
      taken.set(tenant, own)
      return () => {
        const lasted = clock() - one.since
        own.usual = mean(own.usual, lasted)
        usualOfAll = mean(usualOfAll, lasted)
        total -= 1
        own.under.delete(one)
        if (own.under.size === 0) taken.delete(tenant)
      }
    },
  }
}

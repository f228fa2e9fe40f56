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
  retryAfterS: number
}

export type Slots = ReturnType<typeof createSlots>

/** How many requests are under way that each last as long as their client wants. */
export function createSlots({ what, max = Infinity, tenantMax, setting, retryAfterS }: SlotsOptions) {
  const taken = new Map<Tenant, number>()
  let total = 0
  return {
    /**
     * Begins one. @returns what ends it, to be called once
     * @throws Problem 429 when the tenant has its share under way, 503 when there are too many in all
     */
    take(tenant: Tenant): () => void {
      const own = taken.get(tenant) ?? 0
      const headers = { 'retry-after': String(retryAfterS) }
      if (own >= tenantMax) {
        throw new Problem('too-many-requests', {
          detail: `This tenant has ${own} ${what} under way, and may have ${tenantMax} (${setting})`,
          headers,
        })
      }
      if (total >= max) throw new Problem('overloaded', { detail: `Too many ${what} are under way`, headers })
      total += 1
      taken.set(tenant, own + 1)
      return () => {
        total -= 1
        const left = (taken.get(tenant) ?? 1) - 1
        if (left === 0) taken.delete(tenant)
        else taken.set(tenant, left)
      }
    },
  }
}

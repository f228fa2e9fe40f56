import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { ExportConfig } from '../settings.ts'

const RETRY_AFTER_S = '10'

/** How many exports are under way: each reads the whole time that its client takes. */
export function createSlots({
  EXPORTS_MAX: max,
  EXPORTS_TENANT_MAX: tenantMax,
}: Pick<ExportConfig, 'EXPORTS_MAX' | 'EXPORTS_TENANT_MAX'>) {
  const taken = new Map<Tenant, number>()
  let total = 0
  return {
    /**
     * Begins an export. @returns what ends it, to be called once
     * @throws Problem 429 when the tenant has its share under way, 503 when there are too many in all
     */
    take(tenant: Tenant): () => void {
      const own = taken.get(tenant) ?? 0
      const headers = { 'retry-after': RETRY_AFTER_S }
      if (own >= tenantMax) {
        throw new Problem('too-many-requests', {
          detail: `This tenant has ${own} exports under way, and may have ${tenantMax} (EXPORTS_TENANT_MAX)`,
          headers,
        })
      }
      if (total >= max) throw new Problem('overloaded', { detail: 'Too many exports are under way', headers })
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

import { DEFAULT_TENANT, type Caller } from '#shared/caller.ts'
import { Problem } from '#shared/problem.ts'

/**
 * Keys belong to the whole installation: only administrators of its first tenant may touch them.
 * @throws Problem forbidden (403)
 */
export function requireInstallationAdmin({ tenant }: Caller): void {
  if (tenant !== DEFAULT_TENANT) {
    throw new Problem('forbidden', { detail: `Only administrators of the tenant ${DEFAULT_TENANT} may do this` })
  }
}

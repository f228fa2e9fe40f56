import type { Tenant } from '#shared/scope.ts'
import { randomBytes } from 'node:crypto'

/** Names the state of a tenant's data: what was read under a version is good as long as it is the version. */
export interface Versions {
  of(tenant: Tenant): string | Promise<string>
  /** Calls `listener` after a tenant's data may have changed; @returns what ends that */
  onChange(listener: (tenant: Tenant) => void): () => void
}

const EPOCH_BYTES = 6

/** Versions of a process that sees every write itself. They are other ones after each start. */
export function createVersions(): Versions & { changed(tenant: Tenant): void } {
  const epoch = randomBytes(EPOCH_BYTES).toString('hex')
  const counts = new Map<Tenant, number>()
  const listeners = new Set<(tenant: Tenant) => void>()
  return {
    of: (tenant) => `${epoch}.${counts.get(tenant) ?? 0}`,
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    /** To be called after a write is on disk and before it is answered. */
    changed(tenant) {
      counts.set(tenant, (counts.get(tenant) ?? 0) + 1)
      for (const listener of listeners) listener(tenant)
    },
  }
}

import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import type { FindingStore, Mute } from './store.ts'

export const noSuchFinding = () => new Problem('not-found', { detail: 'Finding not found' })

/** Mutes a finding, or ends that when there is no mute; the answer is the finding. @throws Problem not-found */
export const createMuting =
  (store: FindingStore) =>
  (tenantId: Tenant, fingerprint: string, mute: Mute | undefined, now: number): Answer => {
    if (!store.mute(tenantId, fingerprint, mute)) throw noSuchFinding()
    return { status: 200, body: store.get(tenantId, fingerprint, now) }
  }

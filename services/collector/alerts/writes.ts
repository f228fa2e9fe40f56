import type { Tenant } from '#shared/scope.ts'
import type { Notification } from './notification.ts'
import type { Changes } from './plan.ts'
import type { Claimed, StoredChannel, StoredRule } from './rows.ts'
import type { Silence } from './silences/silence.ts'

type Eventually<T> = T | Promise<T>

/** What changes about alerts, within a transaction; each engine does it in its own way. */
export interface AlertWrites {
  putRule(tenantId: Tenant, rule: StoredRule): Eventually<void>
  removeRule(tenantId: Tenant, name: string): Eventually<void>
  putChannel(tenantId: Tenant, channel: StoredChannel): Eventually<void>
  /** Notifications that still wait for it are dead. */
  removeChannel(tenantId: Tenant, name: string, reason: string): Eventually<void>
  /** Puts other bytes in the place of these; @returns whether these were there */
  reseal(tenantId: Tenant, name: string, from: Uint8Array, to: Uint8Array): Eventually<boolean>
  putCircuit(tenantId: Tenant, channel: Pick<StoredChannel, 'name' | 'failures' | 'blockedUntil'>): Eventually<void>
  putSilence(tenantId: Tenant, silence: Silence): Eventually<void>
  removeSilence(tenantId: Tenant, id: string): Eventually<void>
  apply(tenantId: Tenant, changes: Changes): Eventually<void>
  putNotification(tenantId: Tenant, notification: Notification): Eventually<void>
  /** When more than `max` wait, the oldest are dead. */
  bound(tenantId: Tenant, max: number, reason: string): Eventually<void>
  /** Nobody else changes the tenant's alerts until the end of the transaction. */
  lock(tenantId: Tenant): Eventually<void>
  /**
   * Takes notifications that are due, one of a channel and none of `busy` channels (`tenant name`), and puts them off until
   * `until`, so that they are sent again if whoever took them dies. Those of a group come in their order.
   */
  claim(now: number, limit: number, busy: readonly string[], until: number): Eventually<Claimed[]>
  addSample(at: number, instance: string, sample: string): Eventually<void>
  /** Deletes at most `limit` of each kind; @returns how many at most of one kind */
  sweep(cutoff: number, samplesBefore: number, limit: number): Eventually<number>
  /** Whether this replica is the one that looks at the rules, until `until`. */
  hold(instance: string, now: number, until: number): Eventually<boolean>
}

import { setImmediate as pause } from 'node:timers/promises'
import type { Tenant } from '#shared/scope.ts'

export type Turns = ReturnType<typeof createTurns>

/**
 * Lets so much be done at once, of one tenant and in all; the rest waits, and tenants take turns. After each turn whatever else
 * waits is done: what reads synchronously would otherwise go on for as long as there is something to read.
 */
export function createTurns(max: number, tenantMax: number) {
  const busy = new Map<Tenant, number>()
  const waiting = new Map<Tenant, (() => void)[]>()
  let total = 0

  function next(): void {
    for (const [tenant, queue] of waiting) {
      if (total >= max) return
      const own = busy.get(tenant) ?? 0
      if (own >= tenantMax) continue
      const go = queue.shift()
      // Who had a turn is last, and comes up in this loop again.
      waiting.delete(tenant)
      if (queue.length > 0) waiting.set(tenant, queue)
      busy.set(tenant, own + 1)
      total++
      go?.()
    }
  }

  function end(tenant: Tenant): void {
    total--
    const left = (busy.get(tenant) ?? 1) - 1
    if (left === 0) busy.delete(tenant)
    else busy.set(tenant, left)
    next()
  }

  return {
    /** Does it when it is the tenant's turn. @throws what `work` throws */
    async run<T>(tenant: Tenant, work: () => T | Promise<T>): Promise<T> {
      await new Promise<void>((resolve) => {
        const queue = waiting.get(tenant) ?? []
        queue.push(resolve)
        waiting.set(tenant, queue)
        next()
      })
      try {
        return await work()
      } finally {
        await pause()
        end(tenant)
      }
    },
  }
}

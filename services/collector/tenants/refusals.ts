import type { Logger } from '#shared/logger.ts'
import type { Tenant } from '#shared/scope.ts'
import type { ItemOutcome } from '../ingest/item.ts'
import type { CollectorMetrics } from '../probes/metrics.ts'
import type { Writer } from '../writer/queue.ts'
import { dayOf, UNSTORED, type RefusalReason, type Unstored } from './quota.ts'
import type { Refusal } from './usage.ts'

interface RefusalParts {
  writer: Pick<Writer, 'run'>
  metrics: CollectorMetrics
  logger: Logger
  flushMs: number
  /** Told of every refusal. */
  onRefused(tenant: Tenant, reason: RefusalReason, refused: number): void
}

const isUnstored = (status: ItemOutcome['status']): status is Unstored => UNSTORED.includes(status as Unstored)

export type Refusals = ReturnType<typeof createRefusals>

/** Counts what was not stored, per tenant and reason: in memory, and on disk a little later, so that refusing costs next to nothing. */
export function createRefusals({ writer, metrics, logger, flushMs, onRefused }: RefusalParts) {
  let waiting = new Map<string, Refusal>()
  let flushing: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  async function write(): Promise<void> {
    const batch = [...waiting.values()]
    waiting = new Map()
    if (batch.length === 0) return
    try {
      await writer.run('addRefusals', batch)
    } catch (error) {
      // Most is refused when there is no room for counts either: they wait for the next time.
      logger.warn({ err: error, tenants: batch.length }, 'counts of refused reports wait')
      for (const one of batch) add(one)
    }
  }

  /** One for each day, reason and tenant. */
  function add([tenant, day, reason, refused]: Refusal): void {
    const key = `${day} ${reason} ${tenant}`
    waiting.set(key, [tenant, day, reason, (waiting.get(key)?.[3] ?? 0) + refused])
    timer ??= setTimeout(() => void flush(), flushMs).unref()
  }

  /** Writes what waits; done when everything that was counted before is on disk. */
  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    flushing = flushing.then(write)
    return flushing
  }

  return {
    count(tenant: Tenant, reason: RefusalReason, refused = 1): void {
      metrics.refuse(reason, refused)
      onRefused(tenant, reason, refused)
      add([tenant, dayOf(Date.now()), reason, refused])
    },
    /** Counts a report that was there already, or is none; one that is stored is counted with it. */
    note(tenant: Tenant, status: ItemOutcome['status']): void {
      if (isUnstored(status)) add([tenant, dayOf(Date.now()), status, 1])
    },
    flush,
  }
}

import type { InternalClient } from '#shared/internal.ts'
import type { Logger } from '#shared/logger.ts'
import type { ServiceName } from '#shared/ports.ts'
import type { Owner } from '#shared/scope.ts'
import type { Writes } from '#shared/writes.ts'
import type { AccountDataStore } from './store.ts'

/** Services that hold data of accounts; the collector's reports belong to tenants. */
export const DATA_SERVICES = ['calendar', 'diary'] as const satisfies readonly ServiceName[]

/** Until then every gateway knows that the account is gone, and no request that it let in before is still under way. */
const SETTLE_MS = 5000
const RETRY_FIRST_MS = 1000
const RETRY_MAX_MS = 3_600_000
const ASK_TIMEOUT_MS = 60_000
const BATCH = 20

export type Deletions = ReturnType<typeof createDeletions>

/**
 * Has the data of deleted accounts deleted everywhere: at once, and once more when nothing can be added any more. What a
 * service that is away still has is remembered in the database and asked for until it is gone.
 */
export function createDeletions(store: AccountDataStore, internal: InternalClient, writes: Writes, logger: Logger) {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let stopped = false

  async function forget(account: Owner, service: ServiceName): Promise<boolean> {
    try {
      const path = `/internal/accounts/${encodeURIComponent(account)}`
      const { status } = await internal.ask(service, path, { method: 'DELETE', timeoutMs: ASK_TIMEOUT_MS })
      return status === 204
    } catch (error) {
      logger.warn({ err: error, from: service }, 'data of a deleted account is still there')
      return false
    }
  }

  async function pass(): Promise<void> {
    for (let due = store.due(Date.now(), BATCH); due.length > 0 && !stopped; due = store.due(Date.now(), BATCH)) {
      for (const { account_id: account, service, tries } of due) {
        const isGone = await forget(account, service)
        const next = Date.now() + Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** tries)
        await writes.run(() => (isGone ? store.done(account, service) : store.later(account, service, next)))
      }
    }
  }

  function schedule(): void {
    clearTimeout(timer)
    const next = stopped ? undefined : store.nextDue()
    if (next === undefined) return
    const wait = Math.min(RETRY_MAX_MS, Math.max(RETRY_FIRST_MS, next - Date.now()))
    timer = setTimeout(run, wait).unref()
  }

  function run(): void {
    running ??= pass()
      .catch((error: unknown) => logger.error({ err: error }, 'deletions were interrupted'))
      .finally(() => {
        running = undefined
        schedule()
      })
  }

  schedule()
  return {
    /** To be called inside the write that marks the account as `deleting`. */
    plan: (account: Owner): void => store.plan(account, DATA_SERVICES, Date.now() + SETTLE_MS),
    /** Asks every service now; @returns whether all of them have deleted everything */
    async begin(account: Owner): Promise<boolean> {
      const results = await Promise.all(DATA_SERVICES.map((service) => forget(account, service)))
      schedule()
      return results.every(Boolean)
    },
    async stop(): Promise<void> {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}

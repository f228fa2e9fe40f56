import type { Logger } from '#shared/logger.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Stores } from '../engine/engine.ts'
import type { Clock } from './clock.ts'
import type { Retention } from './run.ts'
import { SCHEDULE } from './store.ts'
import { timetableOf } from './timetable.ts'

interface ScheduleParts {
  store: Stores['retention']
  retention: Retention
  clock: Clock
  logger: Pick<Logger, 'info' | 'warn' | 'error'>
  /** RETENTION_SCHEDULE. */
  schedule: string
}

export type Schedule = ReturnType<typeof startSchedule>

const TICK_MAX_MS = 60_000
const TICK_MIN_MS = 250
const CLOCK_EVERY_MS = 3_600_000

/** Runs retention by itself for every tenant, one after the other, and keeps an eye on the clock. */
export function startSchedule({ store, retention, clock, logger, schedule }: ScheduleParts) {
  const timetable = timetableOf(schedule)
  const begun = clock().now
  let followedAt = -Infinity
  let isStopped = false
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> = Promise.resolve()

  /** When the next run of a tenant is due; a last one that is in the future says nothing. */
  async function dueAt(tenantId: Tenant): Promise<number | undefined> {
    const last = await store.lastScheduled(tenantId)
    const { now } = clock()
    return timetable?.(last === undefined || last > now ? Math.min(begun, now) : last)
  }

  async function runIfDue(tenantId: Tenant): Promise<void> {
    const due = await dueAt(tenantId)
    if (due === undefined || clock().now < due) return
    const started = await retention.begin(tenantId, { requestedBy: SCHEDULE, dueAt: due })
    const run = await started?.end
    if (run !== undefined) logger.info({ tenantId, deleted: run.deleted, freedBytes: run.freedBytes }, 'retention ran')
  }

  async function work(): Promise<void> {
    const isClockDue = performance.now() - followedAt >= CLOCK_EVERY_MS
    if (isClockDue) followedAt = performance.now()
    for (const tenantId of await store.tenants()) {
      if (isStopped) return
      try {
        if (isClockDue) await retention.followClock(tenantId)
        await runIfDue(tenantId)
      } catch (error) {
        // Another tenant's run does not depend on it; what it was is in the history.
        if (!isStopped) logger.warn({ err: error, tenantId }, 'retention did not run')
      }
    }
  }

  function tick(): void {
    working = work()
      .catch((error: unknown) => {
        if (!isStopped) logger.error({ err: error }, 'the schedule of retention was not followed')
      })
      .then(() => {
        if (!isStopped) timer = setTimeout(tick, tickMs).unref()
      })
  }

  const interval = timetable === undefined ? TICK_MAX_MS : timetable(begun) - begun
  const tickMs = Math.min(TICK_MAX_MS, Math.max(TICK_MIN_MS, interval / 4))
  const recovered = retention.recover().catch((error: unknown) => {
    logger.error({ err: error }, 'interrupted retention runs were not noted')
  })
  working = recovered.then(tick)

  return {
    dueAt,
    /** Fulfilled when no run is said to go on that was killed. */
    recovered,
    async stop(): Promise<void> {
      isStopped = true
      clearTimeout(timer)
      await working
    },
  }
}

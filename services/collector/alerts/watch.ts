import type { Health } from '#shared/health.ts'
import type { Logger } from '#shared/logger.ts'
import { SYSTEM_TENANT } from '#shared/permissions.ts'
import type { Tenant } from '#shared/scope.ts'
import { hostname } from 'node:os'
import type { CollectorConfig } from '../config.ts'
import type { Stores } from '../engine/engine.ts'
import type { Writer } from '../writer/queue.ts'
import type { Reading } from './alert.ts'
import { durationMs } from './duration.ts'
import { measure, needsSamples, type Samples } from './measure/measure.ts'
import type { Signals } from './measure/signals.ts'
import type { AlertMetrics } from './metrics.ts'
import type { createOutageAlarm } from './outage.ts'
import { isEmpty, planOf, type Evaluation } from './plan.ts'
import type { OwnedRule } from './rules/file.ts'
import type { Rule } from './rules/schema.ts'

interface WatchParts {
  store: Stores['alerts']
  writer: Pick<Writer, 'run'>
  signals: Signals
  outage: ReturnType<typeof createOutageAlarm>
  /** Of the file. */
  fixed: readonly OwnedRule[]
  health: Pick<Health, 'isDatabaseUsable'>
  config: CollectorConfig
  metrics: AlertMetrics
  logger: Logger
  /** To be called when there may be something to send. */
  onChange(): void
}

const SECOND_MS = 1000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** Looks for which a sample tells how it is now, and for which this replica stays the one that looks. */
const LOOKS = 3
const LEASE_MIN_MS = 5000
const SWEEP_BATCH = 500

const windowOf = (rule: Rule): number => ('window' in rule ? (durationMs(rule.window) as number) : 0)

/** Looks at what the rules say, every ALERT_INTERVAL_S; of several replicas one does. */
export function createWatch(parts: WatchParts) {
  const { store, writer, signals, outage, fixed, health, config, metrics, logger } = parts
  const instance = `${hostname()}:${config.COLLECTOR_PORT}`
  const looksMs = config.ALERT_INTERVAL_S * SECOND_MS * LOOKS
  const freshMs = Math.max(looksMs, MINUTE_MS)
  const leaseMs = Math.max(looksMs, LEASE_MIN_MS)
  const storageQuota = config.QUOTA_STORAGE_BYTES
  let rules: readonly OwnedRule[] = fixed
  let stopping = false
  let sweptAt = 0
  let isHolding = false

  async function allRules(): Promise<OwnedRule[]> {
    const own = await store.allRules()
    const isFixed = new Set(fixed.map(({ tenantId, rule }) => `${tenantId} ${rule.name}`))
    const stored = own.map(({ tenantId, name, rule }) => ({ tenantId, rule: { ...rule, name } }))
    return [...fixed, ...stored.filter(({ tenantId, rule }) => !isFixed.has(`${tenantId} ${rule.name}`))]
  }

  async function samplesFor(now: number): Promise<Samples> {
    const sampled = rules.map(({ rule }) => rule).filter(needsSamples)
    // Also without such rules: one that is made later has nothing to do with what was before.
    const sample = await signals.take()
    if (sampled.length === 0) return []
    await writer.run('addAlertSample', now, instance, JSON.stringify(sample))
    return store.samples(now - Math.max(freshMs, ...sampled.map(windowOf)))
  }

  /** What all rules of a tenant say; one that cannot be measured is not guessed. */
  async function evaluate(tenantId: Tenant, own: readonly Rule[], samples: Samples, now: number): Promise<Evaluation> {
    const readings: Reading[] = []
    const unknown: string[] = []
    for (const rule of own) {
      try {
        readings.push(...(await measure(rule, { tenantId, now, samples, freshMs, store, storageQuota })))
      } catch (error) {
        unknown.push(rule.name)
        metrics.failures.inc()
        logger.error({ err: error, tenant: tenantId, rule: rule.name }, 'a rule of alerts could not be looked at')
      }
    }
    return { readings, unknown, rules: own.map(({ name, keepFiringFor }) => ({ name, keepFiringFor })) }
  }

  async function sweep(now: number): Promise<void> {
    if (now - sweptAt < HOUR_MS) return
    sweptAt = now
    const cutoff = now - config.ALERT_RETAIN_DAYS * DAY_MS
    while (!stopping && (await writer.run('sweepAlerts', cutoff, now - DAY_MS, SWEEP_BATCH)) === SWEEP_BATCH);
  }

  /** Whether this replica is the one that looks. @param until when another one may be, milliseconds since 1970 */
  async function hold(until: number): Promise<boolean> {
    isHolding = await writer.run('holdAlertLease', instance, Date.now(), until)
    return isHolding
  }

  function noteLeftOut(tenantId: Tenant, leftOut: number): void {
    metrics.leftOut.inc(leftOut)
    const max = config.ALERTS_ACTIVE_MAX
    logger.warn({ tenant: tenantId, leftOut, max }, 'alerts were left out: the tenant has ALERTS_ACTIVE_MAX of them')
  }

  async function look(): Promise<void> {
    const now = Date.now()
    if (!health.isDatabaseUsable()) {
      // Of several replicas that lose it one tells.
      if (!isHolding) return
      const lost = rules.filter(({ tenantId, rule }) => tenantId === SYSTEM_TENANT && rule.kind === 'database_lost')
      return outage.lost(
        lost.map(({ rule }) => rule),
        now,
      )
    }
    await outage.found(now)
    rules = await allRules()
    await outage.remember(now)
    const samples = await samplesFor(now)
    if (!(await hold(now + leaseMs))) return
    const tenants = new Set([...rules.map(({ tenantId }) => tenantId), ...(await store.activeTenants())])
    for (const tenant of tenants) {
      if (stopping) return
      const own = rules.filter(({ tenantId }) => tenantId === tenant).map(({ rule }) => rule)
      const evaluation = await evaluate(tenant, own, samples, now)
      // Most looks change nothing: the write is left out then.
      const plan = planOf(tenant, await store.snapshot(tenant, now), evaluation, now, config)
      if (plan.leftOut > 0) noteLeftOut(tenant, plan.leftOut)
      if (!isEmpty(plan)) await writer.run('evaluateAlerts', tenant, evaluation, now)
    }
    parts.onChange()
    await sweep(now)
  }

  let running: Promise<void> = Promise.resolve()
  let isLooking = false
  function tick(): void {
    if (isLooking || stopping) return
    isLooking = true
    running = look()
      .catch((error: unknown) => {
        metrics.failures.inc()
        logger.error({ err: error }, 'alerts could not be looked at')
      })
      .finally(() => (isLooking = false))
  }
  const timer = setInterval(tick, config.ALERT_INTERVAL_S * SECOND_MS).unref()
  setImmediate(tick)
  return {
    async stop(): Promise<void> {
      stopping = true
      clearInterval(timer)
      outage.stop()
      await running
      // The next one need not wait for the end of the lease.
      if (isHolding && health.isDatabaseUsable()) await hold(0).catch(() => undefined)
    },
  }
}

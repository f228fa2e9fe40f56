import type { Tenant } from '#shared/scope.ts'
import { randomUUIDv7 } from 'node:crypto'
import { fingerprintOf, type Alert, type Reading } from './alert.ts'
import type { ChannelPlan } from './channels/schema.ts'
import { durationMs } from './duration.ts'
import type { Notification } from './notification.ts'
import { createTelling } from './telling.ts'
import type { StoredChannel } from './rows.ts'
import type { Rule } from './rules/schema.ts'
import type { AlertsConfig } from './settings.ts'
import type { Silence } from './silences/silence.ts'

export interface PlannedChannel extends ChannelPlan {
  name: string
}

export const plannedOf = ({ name, channel }: Pick<StoredChannel, 'name' | 'channel'>): PlannedChannel => ({
  name,
  ...channel,
})

/** Everything of a tenant that decides what is told to whom. */
export interface Snapshot {
  /** Those that are not over. */
  alerts: readonly Alert[]
  channels: readonly PlannedChannel[]
  /** Those that are not over. */
  silences: readonly Silence[]
  /** Notifications that nobody has tried to send yet. */
  open: readonly Notification[]
}

/** What is to be written, in one transaction. */
export interface Changes {
  alerts: Alert[]
  /** Alerts that never fired. */
  removed: string[]
  notifications: Notification[]
  /** Notifications that are not needed any more. */
  dropped: string[]
}

export interface Plan extends Changes {
  /** Alerts that would be there if the tenant had room for them. */
  leftOut: number
}

export type PlanConfig = Pick<
  AlertsConfig,
  | 'ALERTS_ACTIVE_MAX'
  | 'ALERT_GROUP_WAIT_S'
  | 'ALERT_GROUP_INTERVAL_S'
  | 'ALERT_REPEAT_INTERVAL_S'
  | 'ALERT_GIVE_UP_HOURS'
>

/** What all rules of a tenant say. */
export interface Evaluation {
  readings: readonly Reading[]
  /** All rules that there are. */
  rules: readonly Pick<Rule, 'name' | 'keepFiringFor'>[]
  /** Names of those that could not be measured: what is known of them stays. */
  unknown: readonly string[]
}

export const isEmpty = ({ alerts, removed, notifications, dropped }: Changes): boolean =>
  alerts.length + removed.length + notifications.length + dropped.length === 0

const msOf = (text: string): number => durationMs(text) as number

export function born(tenantId: Tenant, { rule, labels, facts }: Reading, now: number): Alert {
  const { name, kind, level, runbook = null, channels = null } = rule
  return {
    id: randomUUIDv7(),
    fingerprint: fingerprintOf(tenantId, name, labels),
    ...{ rule: name, kind, level, labels, facts, runbook, channels },
    state: 'pending',
    startedAt: now,
    firedAt: null,
    overAt: null,
    resolvedAt: null,
    acknowledgedAt: null,
    acknowledgedBy: null,
    updatedAt: now,
    told: {},
  }
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** The alert after what its rule says now; undefined for one that ends without having fired. */
export function advance(alert: Alert, { rule, isOver, facts, holdMs = 0 }: Reading, now: number): Alert | undefined {
  if (isOver) {
    const isDue = now - alert.startedAt >= Math.max(msOf(rule.for), holdMs)
    const next: Alert = { ...alert, facts, overAt: null }
    if (alert.state === 'pending' && isDue) return { ...next, state: 'firing', firedAt: now, updatedAt: now }
    return isSame(next, alert) ? alert : { ...next, updatedAt: now }
  }
  if (alert.state === 'pending') return undefined
  const overAt = alert.overAt ?? now
  if (now - overAt >= msOf(rule.keepFiringFor)) return resolved({ ...alert, overAt }, now)
  return alert.overAt === overAt ? alert : { ...alert, overAt, updatedAt: now }
}

export const resolved = (alert: Alert, now: number): Alert => ({
  ...alert,
  state: 'resolved',
  resolvedAt: now,
  updatedAt: now,
})

/** Alerts after an evaluation. */
function evaluated(tenantId: Tenant, known: readonly Alert[], given: Evaluation, now: number, max: number) {
  const alerts = new Map(known.map((alert) => [alert.fingerprint, alert]))
  const removed: string[] = []
  const heard = new Set<string>()
  let leftOut = 0
  const replace = (alert: Alert, next: Alert | undefined) => {
    if (next === undefined) {
      alerts.delete(alert.fingerprint)
      if (known.includes(alert)) removed.push(alert.id)
    } else alerts.set(alert.fingerprint, next)
  }
  for (const reading of given.readings) {
    const fingerprint = fingerprintOf(tenantId, reading.rule.name, reading.labels)
    heard.add(fingerprint)
    const alert = alerts.get(fingerprint)
    if (alert !== undefined) replace(alert, advance(alert, reading, now))
    else if (reading.isOver && alerts.size >= max) leftOut++
    else if (reading.isOver) {
      const fresh = born(tenantId, reading, now)
      replace(fresh, advance(fresh, reading, now))
    }
  }
  const keepMs = new Map(given.rules.map(({ name, keepFiringFor }) => [name, msOf(keepFiringFor)]))
  const unknown = new Set(given.unknown)
  for (const alert of known) {
    if (heard.has(alert.fingerprint) || unknown.has(alert.rule)) continue
    const { overAt } = alert
    const keep = keepMs.get(alert.rule)
    // Its rule is gone, or says nothing of these labels any more: once might be a gap.
    const isOver = keep === undefined || (overAt !== null && now - overAt >= keep)
    const waiting = overAt === null ? { ...alert, overAt: now } : alert
    replace(alert, alert.state === 'pending' ? undefined : isOver ? resolved(alert, now) : waiting)
  }
  return { alerts: [...alerts.values()], removed, leftOut }
}

/**
 * What an evaluation, or without one the passing of time, makes of a tenant's alerts, and what is to be told to whom.
 * @param now milliseconds since 1970
 */
export function planOf(
  tenantId: Tenant,
  snapshot: Snapshot,
  evaluation: Evaluation | undefined,
  now: number,
  config: PlanConfig,
): Plan {
  const { alerts, removed, leftOut } =
    evaluation === undefined
      ? { alerts: [...snapshot.alerts], removed: [], leftOut: 0 }
      : evaluated(tenantId, snapshot.alerts, evaluation, now, config.ALERTS_ACTIVE_MAX)
  const telling = createTelling(snapshot, alerts, now, config)
  const told = alerts.map(telling.tell)
  return { alerts: told.filter((alert) => !snapshot.alerts.includes(alert)), removed, leftOut, ...telling.written() }
}

import { etagOf, requireMatch } from '#shared/etag.ts'
import type { Language } from '#shared/language.ts'
import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import { randomUUIDv7 } from 'node:crypto'
import type { CollectorConfig } from '../config.ts'
import type { Eventual } from '../engine/engine.ts'
import type { Alert } from './alert.ts'
import { alertItem, channelItem, notificationItem, ruleItem, silenceItem } from './items.ts'
import type { Notification, SendOutcome } from './notification.ts'
import { circuitAfter, holdMs, settled } from './outbox.ts'
import { isEmpty, planOf, resolved, type Changes, type Evaluation } from './plan.ts'
import type { Claimed, StoredChannel, StoredRule } from './rows.ts'
import type { Silence } from './silences/silence.ts'
import { wait, type Steps } from './steps.ts'
import type { AlertStore } from './store.ts'
import { newNotification } from './telling.ts'
import type { AlertWrites } from './writes.ts'

const HOUR_MS = 3_600_000

export const noSuchAlert = () => new Problem('not-found', { detail: 'Alert not found' })
export const noSuchRule = () => new Problem('not-found', { detail: 'Rule not found' })
export const noSuchChannel = () => new Problem('not-found', { detail: 'Channel not found' })
export const noSuchSilence = () => new Problem('not-found', { detail: 'Maintenance window not found' })
export const noSuchNotification = () => new Problem('not-found', { detail: 'Notification not found' })
const conflict = (detail: string) => new Problem('conflict', { detail })

/** Refuses a change of what is another thing by now, or is not there. */
function requireCurrent(ifMatch: string | undefined, item: object | undefined): void {
  requireMatch(ifMatch, item === undefined ? undefined : etagOf(JSON.stringify(item)))
}

const isWaiting = ({ state }: Notification): boolean => state === 'pending' || state === 'failed'

/** An outage of the database, of which there was nothing until now but what was told of it. */
export interface Outage {
  alert: Alert
  notifications: Notification[]
}

/** What changes alerts and what belongs to them, written once for both engines. */
export function createAlertCommands(store: Eventual<AlertStore>, writes: AlertWrites, config: CollectorConfig) {
  function* write(tenantId: Tenant, changes: Changes): Steps<void> {
    if (isEmpty(changes)) return
    yield* wait(writes.apply(tenantId, changes))
    if (changes.notifications.length > 0) {
      yield* wait(writes.bound(tenantId, config.ALERT_OUTBOX_MAX, 'too many notifications were waiting'))
    }
  }

  return {
    *putAlertRule(tenantId: Tenant, given: StoredRule, ifMatch: string | undefined): Steps<Answer> {
      yield* wait(writes.lock(tenantId))
      const before = yield* wait(store.rule(tenantId, given.name))
      requireCurrent(ifMatch, before && ruleItem(before))
      if (before === undefined && (yield* wait(store.rules(tenantId))).length >= config.ALERT_RULES_MAX) {
        throw conflict(`A tenant has at most ${config.ALERT_RULES_MAX} rules`)
      }
      const stored = { ...given, createdAt: before?.createdAt ?? given.createdAt }
      yield* wait(writes.putRule(tenantId, stored))
      return { status: before === undefined ? 201 : 200, body: ruleItem(stored) }
    },
    *removeAlertRule(tenantId: Tenant, name: string, ifMatch: string | undefined): Steps<Answer> {
      const before = yield* wait(store.rule(tenantId, name))
      if (before === undefined) throw noSuchRule()
      requireCurrent(ifMatch, ruleItem(before))
      yield* wait(writes.removeRule(tenantId, name))
      return { status: 204 }
    },

    /** A channel that is changed may work again: it is tried at once. */
    *putAlertChannel(tenantId: Tenant, given: StoredChannel, ifMatch: string | undefined): Steps<Answer> {
      yield* wait(writes.lock(tenantId))
      const before = yield* wait(store.channel(tenantId, given.name))
      requireCurrent(ifMatch, before && channelItem(before))
      if (before === undefined && (yield* wait(store.channels(tenantId))).length >= config.ALERT_CHANNELS_MAX) {
        throw conflict(`A tenant has at most ${config.ALERT_CHANNELS_MAX} channels`)
      }
      const stored = { ...given, createdAt: before?.createdAt ?? given.createdAt }
      yield* wait(writes.putChannel(tenantId, stored))
      return { status: before === undefined ? 201 : 200, body: channelItem(stored) }
    },
    *removeAlertChannel(tenantId: Tenant, name: string, ifMatch: string | undefined): Steps<Answer> {
      const before = yield* wait(store.channel(tenantId, name))
      if (before === undefined) throw noSuchChannel()
      requireCurrent(ifMatch, channelItem(before))
      yield* wait(writes.removeChannel(tenantId, name, 'the channel was deleted'))
      return { status: 204 }
    },
    *resealAlertChannel(tenantId: Tenant, name: string, from: Uint8Array, to: Uint8Array): Steps<boolean> {
      return yield* wait(writes.reseal(tenantId, name, from, to))
    },
    *testAlertChannel(tenantId: Tenant, name: string, now: number): Steps<Answer> {
      if ((yield* wait(store.channel(tenantId, name))) === undefined) throw noSuchChannel()
      const groupKey = `test:${randomUUIDv7()}`
      const test = newNotification({ channel: name, groupKey, event: 'test', alerts: [], nextAt: now }, now, config)
      yield* wait(writes.putNotification(tenantId, test))
      yield* wait(writes.bound(tenantId, config.ALERT_OUTBOX_MAX, 'too many notifications were waiting'))
      return { status: 202, body: notificationItem(test) }
    },

    *putAlertSilence(tenantId: Tenant, silence: Silence, isNew: boolean, ifMatch: string | undefined): Steps<Answer> {
      yield* wait(writes.lock(tenantId))
      const before = yield* wait(store.silence(tenantId, silence.id))
      if (before === undefined && !isNew) throw noSuchSilence()
      requireCurrent(ifMatch, before && silenceItem(before))
      const others = yield* wait(store.silences(tenantId, silence.updatedAt))
      if (isNew && others.length >= config.ALERT_SILENCES_MAX) {
        throw conflict(`A tenant has at most ${config.ALERT_SILENCES_MAX} maintenance windows`)
      }
      const { createdAt, createdBy } = before ?? silence
      const stored = { ...silence, createdAt, createdBy }
      yield* wait(writes.putSilence(tenantId, stored))
      return { status: isNew ? 201 : 200, body: silenceItem(stored) }
    },
    *removeAlertSilence(tenantId: Tenant, id: string, ifMatch: string | undefined): Steps<Answer> {
      const before = yield* wait(store.silence(tenantId, id))
      if (before === undefined) throw noSuchSilence()
      requireCurrent(ifMatch, silenceItem(before))
      yield* wait(writes.removeSilence(tenantId, id))
      return { status: 204 }
    },

    /** What the rules say, and what follows of it for alerts and notifications. */
    *evaluateAlerts(tenantId: Tenant, evaluation: Evaluation, now: number): Steps<void> {
      yield* wait(writes.lock(tenantId))
      const snapshot = yield* wait(store.snapshot(tenantId, now))
      yield* write(tenantId, planOf(tenantId, snapshot, evaluation, now, config))
    },
    /** Somebody takes care of it: it is told no more, but for its end. */
    *acknowledgeAlert(tenantId: Tenant, id: string, by: string, now: number, language: Language): Steps<Answer> {
      yield* wait(writes.lock(tenantId))
      const snapshot = yield* wait(store.snapshot(tenantId, now))
      const found = snapshot.alerts.find((alert) => alert.id === id) ?? (yield* wait(store.get(tenantId, id)))
      if (found === undefined) throw noSuchAlert()
      if (found.state !== 'firing') throw conflict('Only an alert that fires can be acknowledged')
      if (found.acknowledgedAt !== null)
        return { status: 200, body: alertItem(found, snapshot.silences, now, language) }
      const alert: Alert = { ...found, acknowledgedAt: now, acknowledgedBy: by, updatedAt: now }
      const alerts = snapshot.alerts.map((one) => (one === found ? alert : one))
      const changes = planOf(tenantId, { ...snapshot, alerts }, undefined, now, config)
      const isTold = changes.alerts.some((one) => one.id === id)
      yield* write(tenantId, isTold ? changes : { ...changes, alerts: [...changes.alerts, alert] })
      return { status: 200, body: alertItem(alert, snapshot.silences, now, language) }
    },

    /** Has a notification sent again that is dead, or earlier than it would be. */
    *retryAlertNotification(tenantId: Tenant, id: string, now: number): Steps<Answer> {
      yield* wait(writes.lock(tenantId))
      const found = yield* wait(store.notification(tenantId, id))
      if (found === undefined) throw noSuchNotification()
      if (found.state === 'sent') throw conflict('It was sent already')
      const channel = yield* wait(store.channel(tenantId, found.channel))
      if (channel === undefined) throw conflict('Its channel was deleted')
      if (!isWaiting(found)) {
        for (const view of found.alerts.filter(({ status }) => status === 'firing')) {
          const alert = yield* wait(store.get(tenantId, view.id))
          // Its end may have been told: a beginning after that would stay for ever.
          if (alert?.state !== 'firing') throw conflict('The alert is over')
        }
      }
      const giveUpAt = now + config.ALERT_GIVE_UP_HOURS * HOUR_MS
      const state = found.attempts === 0 ? 'pending' : 'failed'
      const again: Notification = { ...found, state, nextAt: now, giveUpAt }
      yield* wait(writes.putNotification(tenantId, again))
      yield* wait(writes.putCircuit(tenantId, { ...channel, blockedUntil: 0 }))
      return { status: 202, body: notificationItem(again) }
    },
    /** @param busy channels that something is being sent by, `tenant name` */
    *claimAlertNotifications(now: number, limit: number, busy: readonly string[]): Steps<Claimed[]> {
      return yield* wait(writes.claim(now, limit, busy, now + holdMs(config)))
    },
    *settleAlertNotification(tenantId: Tenant, id: string, outcome: SendOutcome, now: number): Steps<void> {
      const found = yield* wait(store.notification(tenantId, id))
      if (found === undefined) return
      // It was made dead while somebody sent it.
      if (isWaiting(found) || outcome.result === 'sent') {
        yield* wait(writes.putNotification(tenantId, settled(found, outcome, now, config)))
      }
      const channel = yield* wait(store.channel(tenantId, found.channel))
      if (channel === undefined) return
      const circuit = circuitAfter(channel, outcome, now, config)
      if (circuit.failures === channel.failures && circuit.blockedUntil === channel.blockedUntil) return
      yield* wait(writes.putCircuit(tenantId, { name: channel.name, ...circuit }))
    },

    /** Notes what could not be written while it happened. */
    *recordOutage(tenantId: Tenant, { alert, notifications }: Outage, now: number): Steps<void> {
      yield* wait(writes.lock(tenantId))
      // The answer to whoever noted it may have been lost.
      if ((yield* wait(store.get(tenantId, alert.id))) !== undefined) return
      const snapshot = yield* wait(store.snapshot(tenantId, now))
      // An outage before it that still fires (keepFiringFor) is over: who was told of it is told so, too.
      const alerts = snapshot.alerts.map((one) => (one.fingerprint === alert.fingerprint ? resolved(one, now) : one))
      const changes = planOf(tenantId, { ...snapshot, alerts }, undefined, now, config)
      yield* write(tenantId, {
        ...changes,
        alerts: [...changes.alerts, alert],
        notifications: [...changes.notifications, ...notifications],
      })
    },
    *addAlertSample(at: number, instance: string, sample: string): Steps<void> {
      yield* wait(writes.addSample(at, instance, sample))
    },
    *sweepAlerts(cutoff: number, samplesBefore: number, limit: number): Steps<number> {
      return yield* wait(writes.sweep(cutoff, samplesBefore, limit))
    },
    *holdAlertLease(instance: string, now: number, until: number): Steps<boolean> {
      return yield* wait(writes.hold(instance, now, until))
    },
  }
}

type AlertCommands = ReturnType<typeof createAlertCommands>
type Name = keyof AlertCommands
type Ran<N extends Name> = ReturnType<AlertCommands[N]> extends Steps<infer T> ? T : never

/** The commands as a writer that is synchronous has them. */
export type SyncAlertCommands = { [N in Name]: (...args: Parameters<AlertCommands[N]>) => Ran<N> }

/** The commands with what a transaction is of, before their arguments. */
export type LaterAlertCommands<T> = { [N in Name]: (tx: T, ...args: Parameters<AlertCommands[N]>) => Promise<Ran<N>> }

/** Commands about the rows of all tenants. */
export const ALERT_COMMANDS_OF_ALL = [
  'claimAlertNotifications',
  'addAlertSample',
  'sweepAlerts',
  'holdAlertLease',
] as const

/** All of them, by name: none changes anything that a versioned answer shows. */
export const ALERT_COMMAND_NAMES = [
  ...ALERT_COMMANDS_OF_ALL,
  'putAlertRule',
  'removeAlertRule',
  'putAlertChannel',
  'removeAlertChannel',
  'resealAlertChannel',
  'testAlertChannel',
  'putAlertSilence',
  'removeAlertSilence',
  'evaluateAlerts',
  'acknowledgeAlert',
  'retryAlertNotification',
  'settleAlertNotification',
  'recordOutage',
] as const satisfies readonly Name[]

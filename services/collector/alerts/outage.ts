import type { Logger } from '#shared/logger.ts'
import { SYSTEM_TENANT } from '#shared/permissions.ts'
import { asTenant } from '#shared/scope.ts'
import type { CollectorConfig } from '../config.ts'
import type { Stores } from '../engine/engine.ts'
import type { Writer } from '../writer/queue.ts'
import { viewOf, type Alert } from './alert.ts'
import type { Outage } from './commands.ts'
import type { Send } from './deliver/send.ts'
import type { Notification } from './notification.ts'
import { settled } from './outbox.ts'
import { advance, born, plannedOf, type PlannedChannel } from './plan.ts'
import type { StoredChannel } from './rows.ts'
import type { Rule } from './rules/schema.ts'
import { isSilenced, type Silence } from './silences/silence.ts'
import { groupKeyOf, hears, newNotification, timesOf } from './telling.ts'

interface OutageParts {
  store: Pick<Stores['alerts'], 'channels' | 'silences'>
  writer: Pick<Writer, 'run'>
  send: Send
  config: CollectorConfig
  logger: Logger
}

const TENANT = asTenant(SYSTEM_TENANT)

/**
 * Tells of a database that cannot be reached: nothing can be read or written then, so the channels are those that were known
 * last, the outbox is memory, and everything is noted when the database is back.
 */
export function createOutageAlarm({ store, writer, send, config, logger }: OutageParts) {
  let channels: readonly StoredChannel[] = []
  let silences: readonly Silence[] = []
  const outages = new Map<string, Outage>()
  const stopped = new AbortController()

  async function tell(notification: Notification, channel: StoredChannel): Promise<Notification> {
    const attempted = { ...notification, attempts: notification.attempts + 1 }
    const outcome = await send({ tenantId: TENANT, notification: attempted, channel }, stopped.signal)
    if (outcome.result !== 'sent') {
      logger.warn({ channel: channel.name, reason: outcome.error }, 'nobody could be told that the database is lost')
    }
    return settled(attempted, outcome, Date.now(), config)
  }

  /** Tries what was not taken, all channels at once. */
  async function deliver(outage: Outage, now: number): Promise<void> {
    outage.notifications = await Promise.all(
      outage.notifications.map((one) => {
        const channel = channels.find(({ name }) => name === one.channel)
        const isDue = (one.state === 'pending' || one.state === 'failed') && one.nextAt <= now
        return isDue && channel !== undefined ? tell(one, channel) : one
      }),
    )
  }

  /** The alert with a notification to each channel that hears of it. */
  function notify(alert: Alert, now: number): Outage {
    if (isSilenced(alert, silences, now)) return { alert, notifications: [] }
    const hearing = channels.filter((stored) => hears(plannedOf(stored), alert))
    const notifications = hearing.map((stored) => {
      const groupKey = groupKeyOf(plannedOf(stored), alert)
      const begun = { channel: stored.name, groupKey, event: 'alert', nextAt: now } as const
      return newNotification({ ...begun, alerts: [viewOf(alert, 'firing')] }, now, config)
    })
    const told = hearing.map((stored) => {
      const planned: PlannedChannel = plannedOf(stored)
      return [stored.name, { at: now, repeatAt: now + timesOf(planned, config).repeat }] as const
    })
    return { alert: { ...alert, told: Object.fromEntries(told) }, notifications }
  }

  return {
    /** Remembers what is needed when the database is lost; to be called while it is there. */
    async remember(now: number): Promise<void> {
      channels = await store.channels(TENANT)
      silences = await store.silences(TENANT, now)
    },
    /** To be called again and again while it is lost. @param rules those of the kind database_lost */
    async lost(rules: readonly Rule[], now: number): Promise<void> {
      for (const rule of rules) {
        const reading = { rule, labels: rule.labels, isOver: true, facts: {} }
        const known = outages.get(rule.name)
        const alert = advance(known?.alert ?? born(TENANT, reading, now), reading, now) as Alert
        // Of one that began in a maintenance window nobody knows yet.
        const isToTell = alert.state === 'firing' && Object.keys(alert.told).length === 0
        const outage = isToTell ? notify(alert, now) : { alert, notifications: known?.notifications ?? [] }
        outages.set(rule.name, outage)
        await deliver(outage, now)
      }
    },
    /** Notes what happened meanwhile; what was not taken goes on from the outbox. To be called when the database is back. */
    async found(now: number): Promise<void> {
      for (const [name, outage] of outages) {
        if (outage.alert.state === 'firing') await writer.run('recordOutage', TENANT, outage, now)
        outages.delete(name)
      }
    },
    stop: () => stopped.abort(),
  }
}

import { randomUUIDv7 } from 'node:crypto'
import { viewOf, type Alert, type AlertView, type Told } from './alert.ts'
import { durationMs } from './duration.ts'
import type { Notification, NotificationEvent } from './notification.ts'
import type { PlanConfig, PlannedChannel, Snapshot } from './plan.ts'
import { isSilenced } from './silences/silence.ts'

const HOUR_MS = 3_600_000
const SECOND_MS = 1000

/** Names the group of an alert in a channel. */
export const groupKeyOf = ({ groupBy }: PlannedChannel, { id, rule, level }: Alert): string =>
  ({ alert: id, rule: `rule:${rule}`, level: `level:${level}`, all: 'all' })[groupBy]

export const hears = ({ name, levels }: PlannedChannel, { channels, level }: Alert): boolean =>
  channels === null ? levels.includes(level) : channels.includes(name)

/** Channels where an incident can be acknowledged. */
const takesAcknowledgement = ({ kind }: PlannedChannel): boolean => kind === 'pagerduty' || kind === 'webhook'

export function timesOf(channel: PlannedChannel, config: PlanConfig) {
  const isAlone = channel.groupBy === 'alert'
  const ms = (text: string | undefined, standard: number) =>
    text === undefined ? standard * SECOND_MS : (durationMs(text) as number)
  return {
    // Nobody joins an alert that is told alone.
    wait: ms(channel.groupWait, isAlone ? 0 : config.ALERT_GROUP_WAIT_S),
    interval: ms(channel.groupInterval, isAlone ? 0 : config.ALERT_GROUP_INTERVAL_S),
    repeat: ms(channel.repeatInterval, config.ALERT_REPEAT_INTERVAL_S),
  }
}

/** A notification as it begins. */
export const newNotification = (
  given: Pick<Notification, 'channel' | 'groupKey' | 'event' | 'alerts' | 'nextAt'>,
  now: number,
  { ALERT_GIVE_UP_HOURS: hours }: PlanConfig,
): Notification => ({
  id: randomUUIDv7(),
  ...given,
  state: 'pending',
  attempts: 0,
  createdAt: now,
  giveUpAt: Math.max(now, given.nextAt) + hours * HOUR_MS,
  sentAt: null,
  lastError: null,
})

/**
 * Says what is to be told of alerts, gathered in groups: the first notification of a group waits for others to join, later ones
 * keep a distance, and what was not yet sent is changed rather than followed by another. An end is told to whom the beginning
 * was told, also in a maintenance window.
 */
export function createTelling(
  { channels, silences, open }: Snapshot,
  alerts: readonly Alert[],
  now: number,
  config: PlanConfig,
) {
  const waiting = new Map(open.map((one) => [`${one.channel} ${one.groupKey} ${one.event}`, one]))
  const dirty = new Set<Notification>()
  const dropped: string[] = []
  /** When something was last told in a group. */
  const lastTold = new Map<string, number>()
  const placeOf = (channel: PlannedChannel, alert: Alert) => `${channel.name} ${groupKeyOf(channel, alert)}`
  for (const channel of channels) {
    for (const alert of alerts) {
      const at = alert.told[channel.name]?.at
      const place = placeOf(channel, alert)
      if (at !== undefined) lastTold.set(place, Math.max(at, lastTold.get(place) ?? 0))
    }
  }

  function put(channel: PlannedChannel, alert: Alert, view: AlertView, event: NotificationEvent = 'alert'): number {
    const place = placeOf(channel, alert)
    const key = `${place} ${event}`
    const found = waiting.get(key)
    const { wait, interval } = timesOf(channel, config)
    const last = lastTold.get(place)
    const groupKey = groupKeyOf(channel, alert)
    const nextAt = event !== 'alert' ? now : last === undefined ? now + wait : Math.max(now, last + interval)
    const next: Notification =
      found === undefined
        ? newNotification({ channel: channel.name, groupKey, event, alerts: [view], nextAt }, now, config)
        : { ...found, alerts: [...found.alerts.filter(({ id }) => id !== view.id), view] }
    if (found !== undefined) dirty.delete(found)
    dirty.add(next)
    waiting.set(key, next)
    lastTold.set(place, next.nextAt)
    return next.nextAt
  }

  /** Takes back its beginning, or its repetition, that was not yet sent; @returns whether there was such a thing */
  function takeBack(channel: PlannedChannel, alert: Alert, repeated?: true): boolean {
    const key = `${placeOf(channel, alert)} alert`
    const found = waiting.get(key)
    if (!found?.alerts.some((view) => view.id === alert.id && view.repeated === repeated)) return false
    const next = { ...found, alerts: found.alerts.filter(({ id }) => id !== alert.id) }
    dirty.delete(found)
    waiting.delete(key)
    if (next.alerts.length > 0) {
      waiting.set(key, next)
      dirty.add(next)
    } else if (open.some(({ id }) => id === found.id)) dropped.push(found.id)
    return true
  }

  /** Somebody takes care: what was not yet sent is not sent. @returns what the channel knows of the alert then */
  function acknowledge(channel: PlannedChannel, alert: Alert, known: Told): Told | undefined {
    takeBack(channel, alert, true)
    // An incident that is acknowledged has to be there.
    if (!takesAcknowledgement(channel)) return takeBack(channel, alert) ? undefined : known
    if (known.acknowledged !== undefined) return known
    put(channel, alert, viewOf(alert, 'firing'), 'acknowledged')
    return { ...known, acknowledged: true }
  }

  /** What a channel knows of an alert that fires, after it was told what it has to know. */
  function toldTo(channel: PlannedChannel, alert: Alert, known: Told | undefined): Told | undefined {
    if (alert.acknowledgedAt !== null) return known && acknowledge(channel, alert, known)
    if (known !== undefined && known.repeatAt > now) return known
    const view = viewOf(alert, 'firing')
    const at = put(channel, alert, known === undefined ? view : { ...view, repeated: true })
    return { at, repeatAt: at + timesOf(channel, config).repeat }
  }

  function begin(alert: Alert): Alert {
    if (isSilenced(alert, silences, now)) return alert
    const told = new Map(Object.entries(alert.told))
    let changed = false
    for (const channel of channels.filter((one) => hears(one, alert))) {
      const known = told.get(channel.name)
      const next = toldTo(channel, alert, known)
      if (next === known) continue
      changed = true
      if (next === undefined) told.delete(channel.name)
      else told.set(channel.name, next)
    }
    return changed ? { ...alert, told: Object.fromEntries(told) } : alert
  }

  function end(alert: Alert): Alert {
    for (const channel of channels) {
      if (alert.told[channel.name] === undefined || takeBack(channel, alert)) continue
      put(channel, alert, viewOf(alert, 'resolved'))
    }
    return { ...alert, told: {} }
  }

  return {
    /** The alert with what has been told of it now. */
    tell: (alert: Alert): Alert =>
      alert.state === 'firing' ? begin(alert) : alert.state === 'resolved' ? end(alert) : alert,
    written: () => ({ notifications: [...dirty], dropped }),
  }
}

import type { Language } from '#shared/language.ts'
import type { Alert } from './alert.ts'
import type { ChannelPlan } from './channels/schema.ts'
import { errorClass } from './error-class.ts'
import type { Notification } from './notification.ts'
import type { StoredChannel, StoredRule } from './rows.ts'
import { isSilenced, type Silence } from './silences/silence.ts'
import { summaryOf } from './texts.ts'

/** Without members that have no value. */
const present = <T extends object>(item: T) =>
  Object.fromEntries(Object.entries(item).filter(([, value]) => value !== null && value !== undefined))

/** Things as the API shows them; what they look like decides their ETags. */
export const ruleItem = ({ name, rule, createdAt, updatedAt }: StoredRule) => ({
  name,
  source: 'api',
  ...rule,
  createdAt,
  updatedAt,
})

export const channelItem = ({ name, channel, target, createdAt, updatedAt }: StoredChannel) => ({
  name,
  ...(channel satisfies ChannelPlan),
  target,
  createdAt,
  updatedAt,
})
export const channelStatus = (stored: StoredChannel) => ({
  ...channelItem(stored),
  failures: stored.failures,
  ...(stored.blockedUntil > Date.now() ? { blockedUntil: stored.blockedUntil } : {}),
})

export const silenceItem = (silence: Silence) => present(silence)

export function alertItem(alert: Alert, silences: readonly Silence[], now: number, language: Language) {
  const { told: _told, channels: _channels, overAt: _overAt, ...rest } = alert
  const silenced = alert.state !== 'resolved' && isSilenced(alert, silences, now)
  return { ...present(rest), summary: summaryOf(alert, language), silenced }
}

/** @param isWhole for those who administrate the tenant; others see of what went wrong only its class */
export function notificationItem(notification: Notification, isWhole = false) {
  const { groupKey: _groupKey, giveUpAt: _giveUpAt, alerts, nextAt, lastError, ...rest } = notification
  const isWaiting = rest.state === 'pending' || rest.state === 'failed'
  return {
    ...present(rest),
    ...(lastError === null ? {} : { lastError: isWhole ? lastError : errorClass(lastError) }),
    alerts: alerts.map(({ id, status }) => ({ id, status })),
    ...(isWaiting ? { nextAt } : {}),
  }
}

import type { Tenant } from '#shared/scope.ts'
import type { Alert, AlertView } from './alert.ts'
import type { ChannelPlan } from './channels/schema.ts'
import type { Notification } from './notification.ts'
import type { RuleInput } from './rules/schema.ts'

/** A rule of a tenant as it is stored. */
export interface StoredRule {
  name: string
  rule: RuleInput
  createdAt: number
  updatedAt: number
}

/** A channel as it is stored; its secrets are sealed. */
export interface StoredChannel {
  name: string
  channel: ChannelPlan
  /** Where it leads, as far as that is no secret. */
  target: string
  sealed: Buffer
  failures: number
  blockedUntil: number
  createdAt: number
  updatedAt: number
}

/** A notification that somebody is about to send, and the channel that it goes by. */
export interface Claimed {
  tenantId: Tenant
  notification: Notification
  channel: StoredChannel
}

/** Columns that are JSON are text in the database. */
export type Texts<T, K extends keyof T> = Omit<T, K> & Record<K, string>
export type RuleRow = Texts<StoredRule, 'rule'>
export type ChannelRow = Texts<StoredChannel, 'channel'>
export type AlertRow = Texts<Omit<Alert, 'channels'>, 'labels' | 'facts' | 'told'> & { channels: string | null }
export type NotificationRow = Texts<Notification, 'alerts'> & { seq: number }

export const RULE_COLUMNS = ['name', 'rule', 'createdAt', 'updatedAt'] as const satisfies readonly (keyof StoredRule)[]
export const SILENCE_COLUMNS = [
  ...['id', 'startsAt', 'endsAt', 'rule', 'level', 'reason', 'createdBy', 'createdAt', 'updatedAt'],
] as const
export const CHANNEL_COLUMNS = [
  ...['name', 'channel', 'target', 'sealed', 'failures', 'blockedUntil', 'createdAt', 'updatedAt'],
] as const
export const ALERT_COLUMNS = [
  ...['id', 'fingerprint', 'rule', 'kind', 'level', 'state', 'labels', 'facts', 'runbook', 'channels', 'startedAt'],
  ...['firedAt', 'overAt', 'resolvedAt', 'acknowledgedAt', 'acknowledgedBy', 'updatedAt', 'told'],
] as const
export const NOTIFICATION_COLUMNS = [
  ...['id', 'channel', 'groupKey', 'event', 'alerts', 'state', 'attempts', 'nextAt', 'createdAt', 'giveUpAt'],
  ...['sentAt', 'lastError'],
] as const

const parse = <T>(text: string): T => JSON.parse(text) as T

export const ruleIn = (row: RuleRow): StoredRule => ({ ...row, rule: parse(row.rule) })
export const channelIn = (row: ChannelRow): StoredChannel => ({ ...row, channel: parse(row.channel) })

export const alertIn = (row: AlertRow): Alert => ({
  ...row,
  labels: parse(row.labels),
  facts: parse(row.facts),
  told: parse(row.told),
  channels: row.channels === null ? null : parse(row.channels),
})
export const alertOut = (alert: Alert): AlertRow => ({
  ...alert,
  labels: JSON.stringify(alert.labels),
  facts: JSON.stringify(alert.facts),
  told: JSON.stringify(alert.told),
  channels: alert.channels === null ? null : JSON.stringify(alert.channels),
})

/** In the order in which they are stored: another one of the same rule and labels may begin where one is over. */
export const overFirst = (alerts: readonly Alert[]): Alert[] =>
  alerts.toSorted((one, other) => Number(other.state === 'resolved') - Number(one.state === 'resolved'))

export const notificationIn = ({ seq: _seq, ...row }: NotificationRow): Notification => ({
  ...row,
  alerts: parse<AlertView[]>(row.alerts),
})
export const notificationOut = (notification: Notification): Omit<NotificationRow, 'seq'> => ({
  ...notification,
  alerts: JSON.stringify(notification.alerts),
})

import { integer, text, type Settings } from '#shared/config.ts'
import { smtpSettings, type SmtpConfig } from '#shared/mail/settings.ts'
import { outboundSettings, type OutboundConfig } from '#shared/outbound/settings.ts'
import Joi from 'joi'
import path from 'node:path'

export interface AlertsConfig extends SmtpConfig, OutboundConfig {
  ALERT_RULES_FILE?: string
  ALERT_INTERVAL_S: number
  ALERT_RULES_MAX: number
  ALERT_CHANNELS_MAX: number
  ALERT_SILENCES_MAX: number
  ALERTS_ACTIVE_MAX: number
  ALERTS_LIST_MAX: number
  ALERT_GROUP_WAIT_S: number
  ALERT_GROUP_INTERVAL_S: number
  ALERT_REPEAT_INTERVAL_S: number
  ALERT_OUTBOX_MAX: number
  ALERT_SENDS_MAX: number
  ALERT_RETRY_MS: number
  ALERT_RETRY_MAX_MS: number
  ALERT_GIVE_UP_HOURS: number
  ALERT_CIRCUIT_FAILURES: number
  ALERT_RETAIN_DAYS: number
}

const seconds = (min: number, max: number) => Joi.number().empty('').min(min).max(max)

export const alertsSettings: Settings<AlertsConfig> = {
  ...smtpSettings,
  ...outboundSettings,
  ALERT_RULES_FILE: text()
    .custom((value: string) => path.resolve(value))
    .description('JSON file with rules of alerts; a faulty one keeps the collector from starting'),
  ALERT_INTERVAL_S: seconds(0.01, 3600).default(15).description('Time between two looks at what the rules say'),
  ALERT_RULES_MAX: integer(1, 10_000).default(100).description('Most rules of alerts that a tenant makes'),
  ALERT_CHANNELS_MAX: integer(1, 1000).default(20).description('Most channels for alerts of a tenant'),
  ALERT_SILENCES_MAX: integer(1, 10_000)
    .default(100)
    .description('Most maintenance windows of a tenant that are not over'),
  ALERTS_ACTIVE_MAX: integer(1, 10_000).default(500).description('Most alerts of a tenant at the same time'),
  ALERTS_LIST_MAX: integer(1, 10_000).default(100).description('Most alerts, or notifications, in one page'),
  ALERT_GROUP_WAIT_S: seconds(0, 86_400)
    .default(10)
    .description('Wait before the first notification of a group of alerts, for others to join'),
  ALERT_GROUP_INTERVAL_S: seconds(0, 86_400).default(60).description('Least time between two notifications of a group'),
  ALERT_REPEAT_INTERVAL_S: seconds(1, 2_592_000)
    .default(14_400)
    .description('Time after which what still fires, and nobody has acknowledged, is told again'),
  ALERT_OUTBOX_MAX: integer(1, 1e6)
    .default(10_000)
    .description('Notifications of a tenant that may wait to be sent; beyond, the oldest are given up'),
  ALERT_SENDS_MAX: integer(1, 100).default(8).description('Notifications that are sent at the same time'),
  ALERT_RETRY_MS: integer(1, 3_600_000)
    .default(5000)
    .description('Longest wait before a notification is sent again; doubles with each try'),
  ALERT_RETRY_MAX_MS: integer(1, 86_400_000).default(600_000).description('Bound of that doubling'),
  ALERT_GIVE_UP_HOURS: integer(1, 720)
    .default(24)
    .description('Time after which a notification that nobody takes is dead'),
  ALERT_CIRCUIT_FAILURES: integer(1, 1000)
    .default(5)
    .description('Failures in a row after which a channel is left alone for a while'),
  ALERT_RETAIN_DAYS: integer(1, 36_500)
    .default(30)
    .description('Age at which alerts that are over, and their notifications, are deleted'),
}

import type { Language } from '#shared/language.ts'
import { timestamp } from '#shared/timestamp.ts'
import type { Tenant } from '#shared/scope.ts'
import type { AlertView } from '../alert.ts'
import { LEVELS, type Level } from '../levels.ts'
import type { Notification } from '../notification.ts'
import { LEVEL_TEXTS, summaryOf, WORDS } from '../texts.ts'

/** Everything that a message is made of. */
export interface Content {
  tenantId: Tenant
  notification: Notification
  language: Language
  /** Of this installation. */
  publicUrl: string
}

/** More alerts than this are counted, not shown. */
const SHOWN_MAX = 20
const HEADLINE_MAX = 300
const TIME_ZONES: Record<Language, string> = { ko: 'Asia/Seoul', en: 'UTC' }

/** Cut between characters, not inside one. */
export const cut = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`

/** Where the API has an alert. */
export const alertUrl = (publicUrl: string, id: string): string => `${publicUrl}/api/collector/alerts/${id}`

/** A time for people: Korean in Korea's zone, which it names. */
export function timeText(at: number, language: Language): string {
  const zone = TIME_ZONES[language]
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).toPlainDateTime()
  return `${local.toString({ smallestUnit: 'second' }).replace('T', ' ')} (${language === 'ko' ? 'KST' : 'UTC'})`
}

const worstOf = (alerts: readonly AlertView[]): Level =>
  LEVELS.findLast((level) => alerts.some((alert) => alert.level === level)) ?? 'info'

/** Those that fire first, the worst first; and how many are not among them. */
export function shownOf(alerts: readonly AlertView[]): { shown: AlertView[]; more: number } {
  const rank = ({ status, level }: AlertView) => (status === 'firing' ? 0 : LEVELS.length) - LEVELS.indexOf(level)
  const sorted = alerts.toSorted((a, b) => rank(a) - rank(b))
  return { shown: sorted.slice(0, SHOWN_MAX), more: Math.max(0, sorted.length - SHOWN_MAX) }
}

/** One line that says it all: of one alert its summary, of several how many. */
export const headlineOf = (content: Content): string => cut(wholeHeadlineOf(content), HEADLINE_MAX)

function wholeHeadlineOf({ notification, language }: Content): string {
  const { alerts, event } = notification
  const words = WORDS[language]
  if (event === 'test') return words.test
  const [alert] = alerts
  if (alerts.length === 1 && alert !== undefined) {
    return `[${statusOf(alert, language)} · ${LEVEL_TEXTS[language][alert.level]}] ${alert.rule}: ${summaryOf(alert, language)}`
  }
  const firing = alerts.filter(({ status }) => status === 'firing')
  const level = LEVEL_TEXTS[language][worstOf(firing.length > 0 ? firing : alerts)]
  return `[${words.several(firing.length, alerts.length - firing.length)} · ${level}] ${[...new Set(alerts.map(({ rule }) => rule))].join(', ')}`
}

export function statusOf({ status, repeated }: AlertView, language: Language): string {
  const words = WORDS[language]
  return status === 'resolved' ? words.resolved : repeated === true ? words.repeated : words.firing
}

/** The facts about an alert that people want, as pairs of name and value. */
export function detailsOf(alert: AlertView, { language, tenantId }: Content): [string, string][] {
  const words = WORDS[language]
  const labels = Object.entries({ tenant: tenantId, ...alert.labels }).map(([name, value]) => `${name}=${value}`)
  return [
    [words.since, timeText(alert.startedAt, language)],
    ...(alert.resolvedAt === undefined
      ? []
      : [[words.until, timeText(alert.resolvedAt, language)] as [string, string]]),
    [words.labels, labels.join(', ')],
    ...(alert.runbook === undefined ? [] : [[words.runbook, alert.runbook] as [string, string]]),
  ]
}

/** Alerts as programs read them; the summary is for people, who read it further on. */
export const dataOf = (alert: AlertView, { language, publicUrl }: Pick<Content, 'language' | 'publicUrl'>) => ({
  ...alert,
  summary: summaryOf(alert, language),
  startedAt: timestamp(alert.startedAt),
  firedAt: timestamp(alert.firedAt),
  ...(alert.resolvedAt === undefined ? {} : { resolvedAt: timestamp(alert.resolvedAt) }),
  url: alertUrl(publicUrl, alert.id),
})

import { timestamp } from '#shared/timestamp.ts'
import { alertUrl, cut, dataOf, headlineOf, type Content } from './content.ts'
import { summaryOf, WORDS } from '../texts.ts'

const SUMMARY_MAX = 1024

/**
 * An event (https://developer.pagerduty.com/docs/events-api-v2-overview): an incident is an alert, whose id is its dedup_key, so
 * that an event that comes twice changes nothing.
 */
export function pagerDutyEvent(content: Content, routingKey: string): object {
  const { notification, language, publicUrl, tenantId } = content
  const { event, alerts } = notification
  const [alert] = alerts
  const key = { routing_key: routingKey, dedup_key: alert?.id ?? notification.id }
  if (event === 'acknowledged') return { ...key, event_action: 'acknowledge' }
  if (alert?.status === 'resolved') return { ...key, event_action: 'resolve' }
  const source = new URL(publicUrl).host
  const client = { client: WORDS[language].product, client_url: publicUrl }
  if (alert === undefined) {
    const payload = {
      summary: headlineOf(content),
      source,
      severity: 'info',
      timestamp: timestamp(notification.createdAt),
    }
    return { ...key, event_action: 'trigger', ...client, payload }
  }
  return {
    ...key,
    event_action: 'trigger',
    ...client,
    payload: {
      summary: cut(`${alert.rule}: ${summaryOf(alert, language)}`, SUMMARY_MAX),
      source,
      severity: alert.level,
      timestamp: timestamp(alert.startedAt),
      component: 'collector',
      group: tenantId,
      class: alert.kind,
      custom_details: { tenant: tenantId, ...dataOf(alert, content) },
    },
    links: [
      { href: alertUrl(publicUrl, alert.id), text: alert.rule },
      ...(alert.runbook === undefined ? [] : [{ href: alert.runbook, text: WORDS[language].runbook }]),
    ],
  }
}

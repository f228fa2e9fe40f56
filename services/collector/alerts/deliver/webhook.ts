import { timestamp } from '#shared/timestamp.ts'
import { createHmac } from 'node:crypto'
import { dataOf, type Content } from './content.ts'

const PREFIX = 'whsec_'

/**
 * Header fields of a signed webhook (https://github.com/standard-webhooks/standard-webhooks): the id is the same however often
 * it is sent, the time is that of this try.
 * @param now milliseconds since 1970
 */
export function signedHeaders(id: string, body: string, secret: string, now: number): Record<string, string> {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64')
  const seconds = String(Math.floor(now / 1000))
  const mac = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': `v1,${mac}` }
}

/** What a webhook is sent. */
export function webhookBody(content: Content): string {
  const { notification, tenantId } = content
  const { event, alerts, createdAt, channel, groupKey } = notification
  const isOver = alerts.every(({ status }) => status === 'resolved')
  const type = event === 'test' ? 'test' : event === 'acknowledged' ? 'acknowledged' : isOver ? 'resolved' : 'firing'
  return JSON.stringify({
    type: `alert.${type}`,
    timestamp: timestamp(createdAt),
    data: { tenant: tenantId, channel, group: groupKey, alerts: alerts.map((alert) => dataOf(alert, content)) },
  })
}

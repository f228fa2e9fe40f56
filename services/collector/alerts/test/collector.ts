import { until } from '#shared/test/until.ts'
import type { Test } from 'tap'
import { collector, DEFAULT_KEY, type Asked } from '../../test/collector.ts'
import type { Received } from './receiver.ts'

export const SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes !!!').toString('base64')}`

/** Looks often, waits for nobody, tries again soon, and may send to this machine. */
const QUICK = {
  ALERT_INTERVAL_S: '0.05',
  ALERT_GROUP_WAIT_S: '0',
  ALERT_GROUP_INTERVAL_S: '0',
  ALERT_RETRY_MS: '20',
  ALERT_RETRY_MAX_MS: '50',
  OUTBOUND_ALLOW: '127.0.0.1',
  PUBLIC_URL: 'https://najimban.example',
}

export interface AlertItem {
  id: string
  rule: string
  state: string
  level: string
  summary: string
  silenced: boolean
  labels: Record<string, string>
  resolvedAt?: number
  acknowledgedBy?: string
  notifications: NotificationItem[]
}
export interface NotificationItem {
  id: string
  channel: string
  event: string
  state: string
  attempts: number
  lastError?: string
  alerts: { id: string; status: string }[]
}

/** A report with so many different findings that block. */
export const blocking = (count: number, about = 'r') => ({
  status: { api: 'fail' },
  policy: {
    evaluations: Array.from({ length: count }, (_, i) => ({
      rule_id: `${about}-${'abcdefghijklmnopqrstuvwxyz'.charAt(i % 26)}${'x'.repeat(Math.floor(i / 26))}`,
      target: 'api',
      verdict: 'block',
      severity: 'block',
      message: 'it blocks',
    })),
  },
})

/** A collector that looks at its rules all the time. */
export async function alerting(t: Test, env: Record<string, string> = {}) {
  const service = await collector(t, { ...QUICK, ...env })
  const { ask } = service
  /** Asks and wants this status. */
  async function call<B = Record<string, unknown>>(
    method: Asked['method'],
    path: string,
    status: number,
    given: Asked = {},
  ) {
    const answer = await ask(`/alerts${path}`, { method: method as 'GET', ...given })
    t.equal(answer.statusCode, status, `${method} /alerts${path} ${answer.body}`)
    return (answer.body === '' ? {} : answer.json()) as B
  }
  const put = (path: string, payload: object, headers = {}) => call('PUT', path, 201, { payload, headers })
  const alerts = async (query = '', headers = DEFAULT_KEY) =>
    (await call<{ alerts: AlertItem[] }>('GET', query, 200, { headers })).alerts
  const notifications = async (query = '') =>
    (await call<{ notifications: NotificationItem[] }>('GET', `/notifications${query}`, 200)).notifications
  return {
    ...service,
    call,
    alerts,
    notifications,
    rule: (name: string, rule: object, headers = {}) => put(`/rules/${name}`, rule, headers),
    channel: (name: string, channel: object, headers = {}) => put(`/channels/${name}`, channel, headers),
    /** Waits until there is an alert in that state, of that rule when it is named. */
    alert: (state: string, rule?: string) =>
      until(`an alert that is ${state}`, async () => {
        const found = await ask(`/alerts?state=${state}${rule === undefined ? '' : `&rule=${rule}`}`)
        return found.json<{ alerts: AlertItem[] }>().alerts[0]
      }),
    /** Waits until some looks at the rules are over. */
    async looks(): Promise<void> {
      await new Promise((resolve) => setTimeout(resolve, 250))
    },
  }
}

export const BLOCKS = { kind: 'block_findings', level: 'critical' }

export interface SlackBody {
  text: string
  blocks: { type: string; text?: { text: string } }[]
}
export interface PagerBody {
  event_action: string
  dedup_key: string
  routing_key: string
  payload: { severity: string; summary: string }
}
export interface HookBody {
  type: string
  data: { alerts: { id: string; status: string; summary: string }[] }
}
export const bodyOf = <B>(one: Received): B => one.body as B

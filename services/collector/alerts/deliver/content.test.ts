import { asTenant } from '#shared/scope.ts'
import t from 'tap'
import type { AlertView } from '../alert.ts'
import { LEVELS } from '../levels.ts'
import type { Notification } from '../notification.ts'
import { RULE_KINDS, type RuleKind } from '../rules/schema.ts'
import { summaryOf } from '../texts.ts'
import { headlineOf, type Content } from './content.ts'
import { alertMail } from './mail.ts'
import { pagerDutyEvent } from './pagerduty.ts'
import { slackMessage } from './slack.ts'
import { webhookBody } from './webhook.ts'

const FACTS: Record<RuleKind, AlertView['facts'][]> = {
  block_findings: [{ count: 12, before: 4, windowMs: 3_600_000, least: 10, percent: 50 }],
  error_rate: [{ of: 'ingest', share: 7.5, errors: 3, requests: 40, windowMs: 300_000, percent: 5 }],
  latency: [{ of: 'requests', p99Ms: 812, requests: 40, windowMs: 300_000, limitMs: 500 }],
  capacity: [
    { resource: 'disk', percent: 4, limit: 10, instance: 'a:5003' },
    { resource: 'queue', percent: 90, limit: 80, instance: 'a:5003' },
    { resource: 'storage', percent: 95, limit: 90, tenant: 'default' },
  ],
  database_lost: [{}],
  rate_limited: [{ quota: 'reportsPerDay', count: 3, windowMs: 900_000 }],
  no_report: [{ hours: 26 }, { hours: 26, lastAt: 1_795_251_000_000 }],
}
const view = (over: Partial<AlertView> = {}): AlertView => ({
  id: '0190a0a0-0000-7000-8000-000000000000',
  status: 'firing',
  rule: 'a-rule',
  kind: 'database_lost',
  level: 'error',
  labels: {},
  facts: {},
  startedAt: 1_795_251_000_000,
  firedAt: 1_795_251_000_000,
  ...over,
})
const content = (alerts: AlertView[], language: Content['language'] = 'en'): Content => ({
  tenantId: asTenant('default'),
  language,
  publicUrl: 'https://najimban.example',
  notification: {
    ...{ id: 'n', channel: 'c', groupKey: 'g', event: 'alert', alerts, state: 'pending', attempts: 1 },
    ...{ nextAt: 0, createdAt: 0, giveUpAt: 0, sentAt: null, lastError: null },
  } as Notification,
})

t.test('every kind of alert has a sentence in both languages', (t) => {
  const seen = new Set<string>()
  for (const kind of RULE_KINDS) {
    for (const facts of FACTS[kind]) {
      for (const language of ['ko', 'en'] as const) {
        const text = summaryOf({ kind, facts }, language)
        t.notMatch(text, /undefined|NaN|\[object/, text)
        t.equal(/[가-힣]/.test(text), language === 'ko', text)
        seen.add(text)
      }
    }
  }
  t.equal(seen.size, 2 * Object.values(FACTS).flat().length)
  t.notMatch(summaryOf({ kind: 'block_findings', facts: { ...FACTS.block_findings[0], percent: 0 } }, 'en'), '+0%')
  t.end()
})

t.test('a text counts as its language does, and speaks that of its channel', (t) => {
  const en = (kind: RuleKind, facts: AlertView['facts']) => summaryOf({ kind, facts }, 'en')
  const found = { windowMs: 3_600_000, least: 10, percent: 0 }
  t.equal(
    en('block_findings', { ...found, count: 1, before: 0 }),
    '1 BLOCK finding in the last hour (0 in the hour before; limit: 10)',
  )
  t.equal(
    en('block_findings', { ...found, count: 10, before: 4, windowMs: 7_200_000, percent: 50 }),
    '10 BLOCK findings in the last 2 hours (4 in the 2 hours before; limit: 10 and +50%)',
  )
  const refused = { quota: 'reportsPerDay', windowMs: 60_000 }
  t.match(en('rate_limited', { ...refused, count: 1 }), /^1 request was refused .* in the last minute$/)
  t.match(en('rate_limited', { ...refused, count: 2, windowMs: 900_000 }), /^2 requests were .* last 15 minutes$/)
  t.match(en('latency', { of: 'ingest', p99Ms: 9, requests: 1, windowMs: 60_000, limitMs: 5 }), /minute \(1 request, /)
  const alert = view({ kind: 'block_findings', facts: { ...found, count: 1, before: 0 } })
  for (const [language, text] of [
    ['ko', '최근 1시간 BLOCK 발견 1건, 그 전 1시간 0건'],
    ['en', '1 BLOCK finding in the last hour'],
  ] as const) {
    const told = content([alert], language)
    t.match(JSON.parse(webhookBody(told)), { data: { alerts: [{ summary: new RegExp(`^${text}`) }] } })
    const event = pagerDutyEvent(told, 'R') as { payload: { summary: string; custom_details: { summary: string } } }
    t.match(event.payload.summary, text)
    t.match(event.payload.custom_details.summary, text)
    t.match(JSON.stringify(slackMessage(told)), text)
    const { subject, html, text: plain } = alertMail(told)
    for (const part of [subject, html, plain]) t.match(part, text)
  }
  t.end()
})

t.test('what somebody named cannot be markup, a mention or a header', (t) => {
  const hostile = content([
    view({ rule: 'r', labels: { team: '<!channel> <b>&' }, runbook: 'https://a.example/?a=1&b="' }),
  ])
  const slack = JSON.stringify(slackMessage(hostile))
  t.match(slack, 'team=&lt;!channel&gt; &lt;b&gt;&amp;')
  t.notMatch(slack, '<!channel>')
  const { html, subject } = alertMail(hostile)
  t.match(html, 'team=&lt;!channel&gt; &lt;b&gt;&amp;')
  t.match(html, 'href="https://a.example/?a=1&amp;b=&quot;"')
  t.notMatch(subject, /[\r\n]/)
  t.end()
})

t.test('of many alerts the worst are shown, those that fire first, and the rest is counted', (t) => {
  const alerts = [
    view({ rule: 'over', status: 'resolved', level: 'critical', resolvedAt: 1_795_252_000_000 }),
    ...Array.from({ length: 30 }, (_, i) => view({ rule: `r${i}`, level: LEVELS[i % 4] ?? 'info' })),
  ]
  const several = content(alerts)
  t.match(headlineOf(several), /^\[30 firing, 1 resolved · CRITICAL\] over, r0, r1/)
  const { blocks } = slackMessage(several) as { blocks: { text?: { text: string } }[] }
  t.match(blocks[1]?.text?.text, '🔴 *FIRING · CRITICAL · r3*')
  t.match(blocks.at(-2)?.text?.text, 'and 11 more')
  t.equal(blocks.length, 23)
  t.match(alertMail(several).text, 'and 11 more')
  t.equal(
    (JSON.parse(webhookBody(several)) as { data: { alerts: object[] } }).data.alerts.length,
    31,
    'programs get all',
  )
  const long = content(Array.from({ length: 200 }, (_, i) => view({ rule: `a-rule-with-a-long-name-${i}` })))
  t.ok(headlineOf(long).length <= 300)
  t.end()
})

t.test('an end has the time of the end, in Korean in the time of Korea', (t) => {
  const over = view({ status: 'resolved', resolvedAt: 1_795_252_000_000 })
  t.match(alertMail(content([over], 'ko')).text, /시작: 2026-11-21 17:50:00 \(KST\)\n해결: 2026-11-21 18:06:40 \(KST\)/)
  t.match(alertMail(content([over])).text, 'Resolved: 2026-11-21 09:06:40 (UTC)')
  t.match(pagerDutyEvent(content([over]), 'R'), { event_action: 'resolve', dedup_key: over.id })
  t.match(JSON.parse(webhookBody(content([over]))), {
    type: 'alert.resolved',
    data: {
      alerts: [
        { resolvedAt: '2026-11-21T09:06:40.000Z', url: `https://najimban.example/api/collector/alerts/${over.id}` },
      ],
    },
  })
  t.end()
})

t.test('a test is an event of its own', (t) => {
  const test = content([])
  test.notification.event = 'test'
  t.match(pagerDutyEvent(test, 'R'), { event_action: 'trigger', dedup_key: 'n', payload: { severity: 'info' } })
  t.match(JSON.parse(webhookBody(test)), { type: 'alert.test' })
  t.match(alertMail(test).html, 'This is a test')
  t.end()
})

import { mailbox } from '#shared/test/mailbox.ts'
import { until } from '#shared/test/until.ts'
import { createHmac } from 'node:crypto'
import t from 'tap'
import { TEAM_A, TEAM_A_SENDER } from '../test/collector.ts'
import {
  alerting,
  blocking,
  BLOCKS,
  bodyOf,
  SECRET,
  type HookBody,
  type PagerBody,
  type SlackBody,
} from './test/collector.ts'
import { receiver } from './test/receiver.ts'

t.test('a rule about one finding is about it however its name was typed', async (t) => {
  const it = await alerting(t)
  const [rule, target] = ['응답', '홈 화면'].map((name) => name.normalize('NFD'))
  await it.rule('typed', { ...BLOCKS, count: 1, rule, target })
  const evaluations = [{ rule_id: '응답', target: '홈 화면', verdict: 'block' }]
  await it.ingest({ status: {}, policy: { evaluations } })
  t.match(await it.alert('firing'), { rule: 'typed' })
})

t.test('reports that block fire an alert, every kind of channel hears of it, and of its end', async (t) => {
  const box = await mailbox(t)
  const [slack, pager, hook] = [await receiver(t), await receiver(t), await receiver(t)]
  const it = await alerting(t, {
    SMTP_URL: `smtp://127.0.0.1:${box.port}`,
    MAIL_FROM: '나침반 <compass@najimban.example>',
  })
  await it.channel('slack', { kind: 'slack', url: `${slack.url}/services/T0/B0/x` })
  await it.channel('pager', { kind: 'pagerduty', routingKey: 'R0', url: pager.url, language: 'en' })
  await it.channel('mail', { kind: 'email', to: ['ops@example.com', 'qa@example.com'] })
  await it.channel('hook', { kind: 'webhook', url: hook.url, secret: SECRET })
  await it.rule('blocks', { ...BLOCKS, window: '1h', runbook: 'https://wiki.example/blocks' })
  await it.ingest(blocking(9))
  await it.looks()
  t.same(await it.alerts(), [], 'nine are not ten')
  await it.ingest(blocking(1, 'another'))

  const alert = await it.alert('firing')
  t.match(alert, {
    rule: 'blocks',
    level: 'critical',
    summary: /^10 BLOCK findings in the last hour \(0 in the hour before; limit: 10/,
  })
  const message = bodyOf<SlackBody>(await slack.count(1))
  t.match(message.text, '나침반: [발생 · 심각] blocks: 최근 1시간 BLOCK 발견 10건, 그 전 1시간 0건')
  t.match(
    message.blocks[0]?.text?.text,
    /^🔴 \*발생 · 심각 · blocks\*\n최근 1시간.*\n시작: .* \(KST\)\n라벨: tenant=default\n대응 방법: https:/,
  )
  const trigger = bodyOf<PagerBody>(await pager.count(1))
  t.match(trigger, {
    event_action: 'trigger',
    routing_key: 'R0',
    dedup_key: alert.id,
    payload: { severity: 'critical' },
  })
  t.match(trigger.payload.summary, /^blocks: 10 BLOCK findings/)
  const sent = await hook.count(1)
  t.match(bodyOf<HookBody>(sent), {
    type: 'alert.firing',
    data: { alerts: [{ id: alert.id, status: 'firing', summary: /^최근 1시간 BLOCK 발견 10건/ }] },
  })
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = sent.headers
  const key = Buffer.from(SECRET.slice(6), 'base64')
  t.equal(
    signature,
    `v1,${createHmac('sha256', key)
      .update(`${String(id)}.${String(at)}.${sent.text}`)
      .digest('base64')}`,
  )
  const mail = await box.next('ops@example.com')
  t.same(mail.recipients, ['ops@example.com', 'qa@example.com'])
  t.match(mail.subject, '[나침반] [발생 · 심각] blocks: 최근 1시간 BLOCK 발견 10건')
  t.match(mail.text, '시작: ')
  t.match(mail.html, '대응 방법: <a href="https://wiki.example/blocks">https://wiki.example/blocks</a>')
  t.notMatch(mail.html, /<img|<script|src=/, 'nothing is loaded')

  await it.call('PUT', '/rules/blocks', 200, { payload: { ...BLOCKS, count: 1000 } })
  t.match(await it.alert('resolved'), { id: alert.id })
  t.match(bodyOf<SlackBody>(await slack.count(2)).text, '[해결 · 심각] blocks')
  t.match(bodyOf<PagerBody>(await pager.count(2)), { event_action: 'resolve', dedup_key: alert.id })
  t.match(bodyOf<HookBody>(await hook.count(2)), { type: 'alert.resolved' })
  t.match((await box.next('qa@example.com')).subject, '해결')
  const { notifications } = await it.call<{ notifications: { state: string }[] }>('GET', `/${alert.id}`, 200)
  t.equal(notifications.length, 8)
  await until('all are sent', async () => (await it.notifications('?state=sent')).length === 8)
  t.match(
    await await it.metrics.registry.metrics(),
    /collector_alert_notifications_total\{kind="email",result="sent".*\} 2/,
  )
})

t.test(
  'a rule compares with the window before, and leaves out what is muted, of another rule, or passed',
  async (t) => {
    const it = await alerting(t)
    const now = Date.now()
    await it.ingestAt(now - 5_400_000, blocking(8, 'before'))
    await it.ingest(blocking(11))
    await it.rule('rising', { ...BLOCKS, percent: 50 })
    await it.looks()
    t.same(await it.alerts(), [], '11 is less than 12')
    await it.ingest(blocking(1, 'more'))
    t.match(await it.alert('firing', 'rising'), {
      summary: /^12 BLOCK findings in the last hour \(8 in the hour before/,
    })

    const { findings } = (await it.ask('/findings?limit=20')).json<{
      findings: { fingerprint: string; rule: string }[]
    }>()
    const muted = findings.find(({ rule }) => rule === 'more-a') as { fingerprint: string }
    const payload = { reason: 'known', until: now + 3_600_000 }
    await it.ask(`/findings/${muted.fingerprint}/mute`, { method: 'PUT', payload })
    await it.alert('resolved', 'rising')
    await it.rule('one', { ...BLOCKS, count: 1, rule: 'r-a' })
    await it.rule('none', { ...BLOCKS, count: 1, rule: 'nothing' })
    t.match(await it.alert('firing', 'one'), { summary: /^1 BLOCK finding in the last hour/ })
    t.same(await it.alerts('?rule=none'), [])
  },
)

t.test('nobody has reported for hours: the alert comes without a report, and is over with the next one', async (t) => {
  const hook = await receiver(t)
  const it = await alerting(t)
  await it.channel('hook', { kind: 'webhook', url: hook.url, secret: SECRET })
  await it.rule('never', { kind: 'no_report', level: 'warning', hours: 0.00005 })
  t.match(await it.alert('firing', 'never'), { summary: /^no report has come in/ })
  t.match(bodyOf<HookBody>(await hook.count(1)), { type: 'alert.firing' })
  await it.rule('silent', { kind: 'no_report', level: 'warning', hours: 2 })
  await it.call('DELETE', '/rules/never', 204)
  await it.ingestAt(Date.now() - 3 * 3_600_000)
  t.match(await it.alert('firing', 'silent'), { summary: /^no report has come for 2 hours \(the last at 20/ })
  await it.ingest()
  t.match(await it.alert('resolved', 'silent'), {})
})

t.test('an alert fires after its rule held long enough, and is over after it was over long enough', async (t) => {
  const it = await alerting(t)
  await it.ingest(blocking(2))
  await it.rule('held', { ...BLOCKS, count: 1, for: '1h' })
  t.match(await it.alert('pending'), { rule: 'held', state: 'pending' })
  await it.call('PUT', '/rules/held', 200, { payload: { ...BLOCKS, count: 1, for: '1ms', keepFiringFor: '1h' } })
  const { id } = await it.alert('firing')
  await it.call('PUT', '/rules/held', 200, { payload: { ...BLOCKS, count: 5, keepFiringFor: '1h' } })
  await it.looks()
  t.match(await it.alert('firing'), { id }, 'it may come again')
  await it.call('PUT', '/rules/held', 200, { payload: { ...BLOCKS, count: 1, keepFiringFor: '1h' } })
  await it.looks()
  t.equal((await it.alerts()).length, 1, 'the same alert')
  await it.call('PUT', '/rules/held', 200, { payload: { ...BLOCKS, count: 5, keepFiringFor: '1ms' } })
  t.match(await it.alert('resolved'), { id })
  await it.call('PUT', '/rules/held', 200, { payload: { ...BLOCKS, count: 1, for: '1h' } })
  await it.alert('pending')
  await it.call('DELETE', '/rules/held', 204)
  await until('what never fired is forgotten', async () => (await it.alerts()).length === 1)
})

t.test('in a maintenance window nobody is told; after it, who still fires is; an end is told anyway', async (t) => {
  const hook = await receiver(t)
  const it = await alerting(t)
  await it.channel('hook', { kind: 'webhook', url: hook.url, secret: SECRET })
  await it.ingest(blocking(2))
  const endsAt = Date.now() + 3_600_000
  const window = { endsAt, rule: 'quiet', reason: '점검' }
  const { id } = await it.call<{ id: string }>('POST', '/silences', 201, { payload: window })
  await it.rule('quiet', { ...BLOCKS, count: 1 })
  t.match(await it.alert('firing'), { silenced: true })
  await it.looks()
  t.equal(hook.received.length, 0)
  await it.call('DELETE', `/silences/${id}`, 204)
  t.match(bodyOf<HookBody>(await hook.count(1)), { type: 'alert.firing' })
  t.match(await it.alert('firing'), { silenced: false })
  await it.call('POST', '/silences', 201, { payload: { endsAt, level: 'critical', reason: 'again' } })
  await it.call('DELETE', '/rules/quiet', 204)
  t.match(bodyOf<HookBody>(await hook.count(2)), { type: 'alert.resolved' })

  await it.rule('never-told', { ...BLOCKS, count: 1 })
  t.match(await it.alert('firing'), { silenced: true })
  await it.call('DELETE', '/rules/never-told', 204)
  await it.looks()
  t.equal(hook.received.length, 2, 'whose beginning nobody heard of has no end')
})

t.test('an alert is said in the language of who asks, and caches know that', async (t) => {
  const it = await alerting(t)
  await it.ingest(blocking(2))
  await it.rule('blocks', { ...BLOCKS, count: 1 })
  const { id } = await it.alert('firing')
  const said = {
    '': /^2 BLOCK findings in the last hour/,
    'fr-FR, fr;q=0.9': /^2 BLOCK findings/,
    'ko-KR, ko;q=0.9, en;q=0.8': /^최근 1시간 BLOCK 발견 2건/,
    'ko;q=0.2, en;q=0.7': /^2 BLOCK findings/,
  }
  for (const [field, summary] of Object.entries(said)) {
    const headers = { 'accept-language': field }
    const list = await it.ask('/alerts', { headers })
    t.match([list.json(), list.headers.vary], [{ alerts: [{ id, summary }] }, /accept-language/i], field)
    t.match(await it.call('GET', `/${id}`, 200, { headers }), { summary }, field)
    t.match(await it.call('POST', `/${id}/acknowledge`, 200, { headers }), { summary }, field)
  }
  const { etag } = (await it.ask('/alerts', { headers: { 'accept-language': 'en' } })).headers
  const other = { 'accept-language': 'ko', 'if-none-match': String(etag) }
  t.equal((await it.ask('/alerts', { headers: other })).statusCode, 200)
})

t.test('alerts that come together are told together, and what ends before it is told is not told', async (t) => {
  const hook = await receiver(t)
  const it = await alerting(t, { ALERT_GROUP_WAIT_S: '0.6', ALERT_GROUP_INTERVAL_S: '0.6' })
  await it.channel('hook', { kind: 'webhook', url: hook.url, secret: SECRET, groupBy: 'level' })
  await it.ingest(blocking(3))
  await it.rule('short', { ...BLOCKS, count: 1 })
  await it.rule('first', { ...BLOCKS, count: 1 })
  await it.rule('second', { ...BLOCKS, count: 2 })
  await it.alert('firing', 'short')
  await it.call('DELETE', '/rules/short', 204)
  const { data } = bodyOf<{ data: { group: string; alerts: { rule: string }[] } }>(await hook.count(1))
  t.equal(data.group, 'level:critical')
  t.same(data.alerts.map(({ rule }) => rule).sort(), ['first', 'second'])
  await it.call('DELETE', '/rules/first', 204)
  await it.call('DELETE', '/rules/second', 204)
  const over = bodyOf<HookBody>(await hook.count(2))
  t.equal(over.type, 'alert.resolved')
  t.equal(over.data.alerts.length, 2)
  await it.looks()
  t.equal(hook.received.length, 2)
})

t.test('a channel hears of its levels, unless a rule names its channels; a tenant hears of its own', async (t) => {
  const [hook, other] = [await receiver(t), await receiver(t)]
  const it = await alerting(t)
  await it.channel('errors', { kind: 'webhook', url: `${hook.url}/errors`, secret: SECRET, levels: ['error'] })
  await it.channel('named', { kind: 'webhook', url: `${hook.url}/named`, secret: SECRET, levels: ['info'] })
  await it.channel('errors', { kind: 'webhook', url: other.url, secret: SECRET }, TEAM_A)
  await it.ingest(blocking(2))
  await it.rule('warns', { ...BLOCKS, count: 1, level: 'warning' })
  await it.rule('errs', { ...BLOCKS, count: 1, level: 'error' })
  await it.rule('names', { ...BLOCKS, count: 1, level: 'error', channels: ['named'] })
  await hook.count(2)
  await it.looks()
  t.same(hook.received.map(({ path }) => path).sort(), ['/errors', '/named'])
  t.equal(other.received.length, 0)
  t.same(await it.alerts('', TEAM_A), [])
  const { alerts } = await it.call<{ alerts: { id: string }[] }>('GET', '?limit=2', 200)
  t.equal(alerts.length, 2)
  for (const { id } of alerts) await it.call('GET', `/${id}`, 404, { headers: TEAM_A })
})

t.test('who may read sees alerts, who may write changes rules, and only an administrator sees channels', async (t) => {
  const it = await alerting(t)
  await it.call('GET', '/channels', 403, { headers: TEAM_A_SENDER })
  await it.call('PUT', '/channels/a', 403, { headers: TEAM_A_SENDER, payload: {} })
  await it.call('GET', '', 200, { headers: TEAM_A_SENDER })
  await it.call('PUT', '/rules/a', 201, { headers: TEAM_A_SENDER, payload: BLOCKS })
})

import { until } from '#shared/test/until.ts'
import t from 'tap'
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
import { receiver, type Received } from './test/receiver.ts'

t.test('who takes care of an alert stops its repetition, and PagerDuty knows', async (t) => {
  const [hook, pager] = [await receiver(t), await receiver(t)]
  const it = await alerting(t)
  await it.ingest(blocking(2))
  await it.channel('hook', { kind: 'webhook', url: hook.url, secret: SECRET, repeatInterval: '1s' })
  await it.channel('pager', { kind: 'pagerduty', routingKey: 'R0', url: pager.url })
  await it.rule('again', { ...BLOCKS, count: 1 })
  const { id } = await it.alert('firing')
  const again = bodyOf<HookBody>(await hook.count(2))
  t.match(again, { type: 'alert.firing', data: { alerts: [{ id, repeated: true }] } })
  const done = await it.call('POST', `/${id}/acknowledge`, 200)
  t.match(done, { id, acknowledgedBy: 'default:admin' })
  t.same(await it.call('POST', `/${id}/acknowledge`, 200), done, 'once')
  t.match(bodyOf<PagerBody>(await pager.count(2)), { event_action: 'acknowledge', dedup_key: id })
  await until('the webhook knows', () => hook.received.some(({ body }) => body.type === 'alert.acknowledged'))
  const told = hook.received.length
  await new Promise((resolve) => setTimeout(resolve, 1300))
  t.equal(hook.received.length, told)
  await it.call('DELETE', '/rules/again', 204)
  t.match(bodyOf<PagerBody>(await pager.count(3)), { event_action: 'resolve' })
  await it.alert('resolved')
  await it.call('POST', `/${id}/acknowledge`, 409)
  await it.call('POST', '/0190a0a0-0000-7000-8000-000000000000/acknowledge', 404)
})

t.test('who has not heard of an alert before somebody took care of it does not hear of it after', async (t) => {
  const [told, late] = [await receiver(t), await receiver(t)]
  const it = await alerting(t)
  await it.ingest(blocking(2))
  await it.channel('told', { kind: 'slack', url: `${told.url}/told` })
  await it.channel('slow', { kind: 'slack', url: `${late.url}/slow`, groupWait: '1s' })
  await it.channel('slow-hook', { kind: 'webhook', url: `${told.url}/hook`, secret: SECRET, groupWait: '1s' })
  await it.rule('taken', { ...BLOCKS, count: 1 })
  const { id } = await it.alert('firing')
  await told.count(1)
  await it.call('POST', `/${id}/acknowledge`, 200)
  await it.channel('made-later', { kind: 'slack', url: `${late.url}/later` })
  await it.channel('hook-made-later', { kind: 'webhook', url: `${late.url}/later`, secret: SECRET })
  await told.count(3)
  const hooked = told.received.filter(({ path }) => path === '/hook').map(({ body }) => body.type)
  t.same(hooked, ['alert.firing', 'alert.acknowledged'], 'what is acknowledged has to be there')
  await it.call('DELETE', '/rules/taken', 204)
  await it.alert('resolved')
  await told.count(5)
  await it.looks()
  t.match(bodyOf<SlackBody>(told.received.filter(({ path }) => path === '/told').at(-1) as Received).text, '해결')
  t.same(late.received, [], 'nor of its end')
})

t.test('a repetition that waits when somebody takes care of the alert is not sent', async (t) => {
  const slack = await receiver(t)
  const it = await alerting(t)
  await it.ingest(blocking(2))
  const times = { repeatInterval: '1s', groupInterval: '2s' }
  await it.channel('slack', { kind: 'slack', url: slack.url, ...times })
  await it.rule('again', { ...BLOCKS, count: 1 })
  const { id } = await it.alert('firing')
  await slack.count(1)
  await until('a repetition that waits', async () => (await it.notifications('?state=pending')).length === 1)
  await it.call('POST', `/${id}/acknowledge`, 200)
  t.same(await it.notifications('?state=pending'), [])
  t.match(await it.alert('firing'), { id, acknowledgedBy: 'default:admin' })
  t.equal(slack.received.length, 1)
})

import t from 'tap'
import type { ReportItem } from '../reports/list.ts'
import { judged, TEAM_A } from '../test/collector.ts'
import { streaming, until } from './test/streaming.ts'

t.test('what is stored comes as it is stored, once, in order, and only to its tenant', async (t) => {
  const { reader, ingest, ask } = await streaming(t)
  const before = await ingest()
  const [one, other, teamA] = [await reader(), await reader(), await reader('', TEAM_A)]
  t.equal(one.answer.statusCode, 200)
  t.match(one.answer.headers, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' })
  const ids: string[] = []
  for (let n = 0; n < 3; n++) ids.push(await ingest({ ...judged('warn'), raw: n }))
  const payload = Array.from({ length: 250 }, (_, n) => ({ ...judged('info'), raw: `batch ${n}` }))
  const { items } = (await ask('/ingest/qc/batch', { method: 'POST', payload })).json<{ items: { id: string }[] }>()
  ids.push(...items.map(({ id }) => id))
  const own = await ingest(undefined, TEAM_A)
  await until(
    'the events',
    () => one.events.length === ids.length && other.events.length === ids.length && teamA.events.length === 1,
  )
  t.same(one.ids(), ids)
  t.same(other.ids(), ids)
  t.same(teamA.ids(), [own])
  t.notOk(one.ids().includes(before))
  const [first] = (await ask(`/reports?sort=createdAt&limit=1&since=${one.events[0]?.item.createdAt}`)).json<{
    reports: ReportItem[]
  }>().reports
  t.ok(
    first !== undefined && Object.keys(first).every((name) => name in (one.events[0]?.item ?? {})),
    'an item of the list',
  )
})

t.test('severity and state choose, and a heartbeat passes over the rest', async (t) => {
  const { reader, ingest } = await streaming(t, { STREAM_HEARTBEAT_MS: '30' })
  const [blocks, misfits] = [await reader('?severity=block'), await reader('?state=quarantined')]
  const unjudged = await reader('?severity=none')
  const plain = await ingest()
  const block = await ingest(judged('block'))
  const misfit = await ingest({ ...judged('warn'), notes: 'no list' })
  await until('the events', () => blocks.events.length === 1 && misfits.events.length === 1)
  t.same([blocks.ids(), misfits.ids(), unjudged.ids()], [[block], [misfit], [plain]])
  t.match(misfits.events[0]?.item, { state: 'quarantined' })
  await until('a heartbeat', () => blocks.comments() > 1 && blocks.lastId() === misfits.events[0]?.id)
  t.equal(blocks.events.length, 1, 'which is no event')
})

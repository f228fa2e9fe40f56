import t from 'tap'
import { judged, TEAM_A } from '../test/collector.ts'
import { streaming, until } from './test/streaming.ts'

t.test('a reader goes on after its last event, by header or query, also when that report is gone', async (t) => {
  const { reader, ingest, ask } = await streaming(t)
  const first = await reader()
  const begin = first.lastId()
  const ids = [await ingest({ ...judged('warn'), raw: 1 }), await ingest({ ...judged('warn'), raw: 2 })]
  await until('the events', () => first.events.length === 2)
  first.leave()
  ids.push(await ingest({ ...judged('block'), raw: 3 }))
  const afterFirst = await reader('', { 'last-event-id': first.events[0]?.id as string })
  const byQuery = await reader(`?last_event_id=${first.events[1]?.id}`)
  const fromBegin = await reader(`?last_event_id=${begin}`)
  await until(
    'the events',
    () => afterFirst.events.length === 2 && byQuery.events.length === 1 && fromBegin.events.length === 3,
  )
  t.same([afterFirst.ids(), byQuery.ids(), fromBegin.ids()], [ids.slice(1), ids.slice(2), ids])
  // The newest goes: its number must not be given again, or who has read it would miss the next one.
  t.equal((await ask(`/reports/${ids[2]}`, { method: 'DELETE' })).statusCode, 204)
  const later = await ingest({ ...judged('info'), raw: 4 })
  const again = await reader('', { 'last-event-id': byQuery.events[0]?.id as string })
  await until('the event', () => again.events.length === 1 && byQuery.events.length === 2)
  t.same([again.ids(), byQuery.ids().at(-1)], [[later], later])
  for (const bad of ['x', 'W10', 'WyJhIl0']) {
    t.equal((await ask(`/reports/stream?last_event_id=${bad}`)).statusCode, 400, bad)
  }
  const future = Buffer.from(JSON.stringify([2 ** 50])).toString('base64url')
  const ahead = await reader('', { 'last-event-id': future })
  const next = await ingest({ ...judged('info'), raw: 5 })
  await until('the event', () => ahead.events.length === 1)
  t.same(ahead.ids(), [next], 'of a database that is not there any more')
})

t.test('thousands that were missed come in order, page after page, past what others have stored', async (t) => {
  const { reader, ask } = await streaming(t)
  const begin = (await reader()).lastId()
  const ids: string[] = []
  for (let from = 0; from < 3000; from += 500) {
    for (const headers of [{}, TEAM_A]) {
      const payload = Array.from({ length: 500 }, (_, n) => ({ ...judged('info'), raw: from + n }))
      const answer = await ask('/ingest/qc/batch', { method: 'POST', payload, headers })
      if (headers !== TEAM_A) ids.push(...answer.json<{ items: { id: string }[] }>().items.map(({ id }) => id))
    }
  }
  const late = await reader(`?last_event_id=${begin}`)
  await until('the events', () => late.events.length === ids.length)
  t.same(late.ids(), ids)
})

/** Reports of two kinds, many and few, past what one block of the search holds. @returns ids of the few */
async function fill({ ask }: Awaited<ReturnType<typeof streaming>>): Promise<string[]> {
  const few: string[] = []
  for (let from = 0; from < 2500; from += 500) {
    const payload = Array.from({ length: 500 }, (_, n) => ({
      ...judged(n % 250 === 7 ? 'warn' : 'info'),
      raw: from + n,
    }))
    const answer = await ask('/ingest/qc/batch', { method: 'POST', payload })
    const ids = answer.json<{ items: { id: string }[] }>().items.map(({ id }) => id)
    few.push(...ids.filter((_, n) => n % 250 === 7))
  }
  return few
}

const FROM_THE_BEGIN = '&last_event_id=WzBd'

t.test('of what was missed only what is wanted is read', async (t) => {
  const service = await streaming(t)
  const plain = await service.ingest()
  const few = await fill(service)
  const { stores, reader, ingest, ask } = service
  const { after } = stores.arrivals
  let reads = 0
  stores.arrivals.after = (...args) => {
    reads++
    return after(...args)
  }
  const [warn, block, misfits] = [
    await reader(`?severity=warn${FROM_THE_BEGIN}`),
    await reader(`?severity=block${FROM_THE_BEGIN}`),
    await reader(`?state=quarantined${FROM_THE_BEGIN}`),
  ]
  await until('the events', () => warn.events.length === few.length)
  t.same(warn.ids(), few)
  t.ok(reads < 10, `${reads} reads`)
  stores.arrivals.after = after
  // What comes now is told from memory, whatever was passed over.
  const [one, misfit] = [await ingest(judged('block')), await ingest({ ...judged('warn'), notes: 'no list' })]
  await until('the events', () => block.events.length === 1 && misfits.events.length === 1)
  t.same([block.ids(), misfits.ids()], [[one], [misfit]])
  t.equal((await ask(`/reports/${few[0]}`, { method: 'DELETE' })).statusCode, 204)
  const again = await reader(`?severity=warn&state=stored${FROM_THE_BEGIN}`)
  await until('the events', () => again.events.length === few.length - 1)
  const unjudged = await reader(`?severity=none${FROM_THE_BEGIN}`)
  await until('the event', () => unjudged.events.length > 0)
  t.same(unjudged.ids(), [plain])
  t.same(again.ids(), few.slice(1), 'without what is gone, and what does not fit')
})

t.test('few readers at a time read what they have missed, and others have their turn in between', async (t) => {
  const service = await streaming(t, { STREAM_CATCHUPS_MAX: '3', STREAM_CATCHUPS_TENANT_MAX: '2' })
  await fill(service)
  await service.ingest(judged('info'), TEAM_A)
  const { stores, reader } = service
  const { after } = stores.arrivals
  const now = new Map<string, number>()
  const most = new Map<string, number>()
  const count = (owner: string, more: number) => {
    now.set(owner, (now.get(owner) ?? 0) + more)
    most.set(owner, Math.max(most.get(owner) ?? 0, now.get(owner) ?? 0))
  }
  stores.arrivals.after = async (...args) => {
    // Those who listen are told by reads of their own, which go on from there.
    if (args[3] === undefined) return after(...args)
    for (const owner of ['all', args[0]]) count(owner, 1)
    try {
      return await after(...args)
    } finally {
      // It counts until everything else has had its turn.
      setImmediate(() => ['all', args[0]].forEach((owner) => count(owner, -1)))
    }
  }
  const readers = await Promise.all([
    ...Array.from({ length: 12 }, () => reader(`?severity=info${FROM_THE_BEGIN}`)),
    ...Array.from({ length: 3 }, () => reader(`?severity=info${FROM_THE_BEGIN}`, TEAM_A)),
  ])
  await until('the events', () => readers.every(({ events }, n) => events.length === (n < 12 ? 2490 : 1)))
  t.equal(most.get('default'), 2)
  t.ok((most.get('all') ?? 0) <= 3)
})

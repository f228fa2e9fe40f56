import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { ReportItem } from '../reports/list.ts'
import { collector, DEFAULT_KEY, judged, TEAM_A } from '../test/collector.ts'

interface Event {
  id: string
  item: ReportItem
}

const WAIT_MS = 10_000

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + WAIT_MS; Date.now() < end; await pause(5)) if (await isSo()) return
  throw new Error(`${what} did not happen`)
}

/** A reader with a socket of its own. */
async function listen(port: number, query = '', headers: Record<string, string> = {}) {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ port, path: `/reports/stream${query}`, headers: { ...DEFAULT_KEY, ...headers }, agent: false }, resolve).on(
      'error',
      reject,
    )
  })
  const events: Event[] = []
  let [text, lastId, ended, comments] = ['', '', false, 0]
  answer.setEncoding('utf8')
  answer.on('data', (chunk: string) => {
    text += chunk
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      lastId = field('id') ?? lastId
      if (lines.some((line) => line.startsWith(':'))) comments++
      const data = field('data')
      if (data !== undefined) events.push({ id: lastId, item: JSON.parse(data) as ReportItem })
    }
  })
  answer.on('close', () => (ended = true))
  answer.on('error', () => {})
  if (answer.statusCode === 200) await until('its begin', () => lastId !== '' || ended)
  return {
    answer,
    events,
    ids: () => events.map(({ item }) => item.id),
    lastId: () => lastId,
    ended: () => ended,
    comments: () => comments,
    raw: () => text,
    leave: () => answer.destroy(),
  }
}

async function streaming(t: Test, env: Record<string, string> = {}, path?: string) {
  const parts = await collector(t, env)
  await parts.app.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path })
  const { port } = (path === undefined ? parts.app.server.address() : { port: 0 }) as AddressInfo
  const open = async () =>
    Number(/collector_streams_open (\d+)/.exec((await parts.app.inject('/metrics')).body)?.[1] ?? NaN)
  const reader = async (query = '', headers: Record<string, string> = {}) => {
    const listening = await listen(port, query, headers)
    t.teardown(listening.leave)
    return listening
  }
  return { ...parts, port, open, reader }
}

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

t.test('severity and state choose, and a heartbeat passes over the rest', async (t) => {
  const { reader, ingest } = await streaming(t, { STREAM_HEARTBEAT_MS: '30' })
  const [blocks, misfits] = [await reader('?severity=block'), await reader('?state=quarantined')]
  const block = await ingest(judged('block'))
  const misfit = await ingest({ ...judged('warn'), notes: 'no list' })
  await until('the events', () => blocks.events.length === 1 && misfits.events.length === 1)
  t.same([blocks.ids(), misfits.ids()], [[block], [misfit]])
  t.match(misfits.events[0]?.item, { state: 'quarantined' })
  await until('a heartbeat', () => blocks.comments() > 1 && blocks.lastId() === misfits.events[0]?.id)
  t.equal(blocks.events.length, 1, 'which is no event')
})

t.test('there are so many streams of a tenant, and of all', async (t) => {
  const { reader, open } = await streaming(t, { STREAMS_PER_TENANT_MAX: '2', STREAMS_MAX: '3' })
  const [first] = [await reader(), await reader()]
  const third = await reader()
  t.match([third.answer.statusCode, third.answer.headers], [429, { 'retry-after': /\d+/ }])
  t.equal((await reader('', TEAM_A)).answer.statusCode, 200)
  t.equal((await reader('', TEAM_A)).answer.statusCode, 503)
  t.equal(await open(), 3)
  first?.leave()
  await until('it is free again', async () => (await open()) === 2)
  t.equal((await reader()).answer.statusCode, 200)
})

t.test('a reader that takes nothing is dropped, and nothing is kept for it', async (t) => {
  // The buffers of a Unix socket are small; those of TCP take megabytes.
  const path = join(mkdtempSync(join(tmpdir(), 'najimban-stream-')), 'socket')
  const { ask, open, app } = await streaming(t, { STREAM_STALL_MS: '300', STREAM_HEARTBEAT_MS: '200' }, path)
  const socket = connect(path)
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  const headers = Object.entries(DEFAULT_KEY).map(([name, value]) => `${name}: ${value}`)
  socket.write(['GET /reports/stream HTTP/1.1', 'host: localhost', ...headers, '', ''].join('\r\n'))
  socket.pause()
  await until('it is open', async () => (await open()) === 1)
  const isDropped = async () => (await open()) === 0
  for (let n = 0; n < 10; n++) {
    const policy = { policy_version: 'v'.repeat(250) }
    const payload = Array.from({ length: 500 }, (_, at) => ({ status: {}, policy, raw: n * 500 + at }))
    await ask('/ingest/qc/batch', { method: 'POST', payload })
  }
  await until('it is dropped', isDropped)
  t.match((await app.inject('/metrics')).body, 'collector_streams_dropped_total 1')
})

t.test('streams end when the service stops, and new ones are refused then', async (t) => {
  const { reader, health, ask, open } = await streaming(t)
  const one = await reader()
  health.setDraining()
  await until('it ends', one.ended)
  t.equal(one.answer.complete, true, 'as an answer that is whole')
  t.equal(one.raw(), '', 'and not in the middle of an event')
  t.equal((await ask('/reports/stream')).statusCode, 503)
  t.equal(await open(), 0)
})

t.test('the streams of a tenant end when it is suspended, and nobody else has to', async (t) => {
  const { ask, reader } = await streaming(t)
  const [own, other] = [await reader('', TEAM_A), await reader()]
  await ask('/admin/tenants/teamA/suspend', { method: 'POST' })
  await until('its end', own.ended)
  t.notOk(other.ended())
  t.equal((await reader('', TEAM_A)).answer.statusCode, 403)
  await ask('/admin/tenants/teamA/resume', { method: 'POST' })
  t.equal((await reader('', TEAM_A)).answer.statusCode, 200)
})

t.test('a stream has an end, and its request is in the log of the tenant', async (t) => {
  const { reader, ask } = await streaming(t, { STREAM_MAX_S: '1' })
  const one = await reader()
  await until('it ends', one.ended)
  t.equal(one.answer.complete, true)
  const isLogged = async () =>
    (await ask('/admin/audit/logs'))
      .json<{ logs: { path: string; statusCode: number }[] }>()
      .logs.some(({ path, statusCode }) => path === '/reports/stream' && statusCode === 200)
  await until('it is in the log', isLogged)
  t.pass()
})

t.test('who leaves leaves nothing behind', async (t) => {
  const { reader, open } = await streaming(t)
  const readers = await Promise.all(Array.from({ length: 50 }, () => reader()))
  t.equal(await open(), 50)
  for (const { leave } of readers) leave()
  await until('all are gone', async () => (await open()) === 0)
  t.pass()
})

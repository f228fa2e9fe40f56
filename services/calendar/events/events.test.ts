import fc from 'fast-check'
import t from 'tap'
import { addEvent, calendar, meeting, type EventView, type Refusal } from '../test/client.ts'

interface One {
  status: string
  data: EventView
}

t.test('a new event has what was sent, defaults for the rest, and comes back as it was answered', async (t) => {
  const { call } = await calendar(t)
  const made = await call('POST', '/events', { body: meeting })
  const { status, data } = made.json<One>()
  t.equal(made.status, 201)
  t.equal(status, 'success')
  t.match(data.id, /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  t.match(data, {
    title: '주간 회의',
    description: null,
    start_time: '2026-11-14T09:30',
    end_time: '2026-11-14T10:30',
    start_at: '2026-11-14T00:30:00.000Z',
    end_at: '2026-11-14T01:30:00.000Z',
    time_zone: 'Asia/Seoul',
    all_day: false,
    location: null,
    type: 'personal',
    color: '#3B82F6',
    reminder_minutes: null,
  })
  t.match(data.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.equal(data.updated_at, data.created_at)
  const read = await call('GET', `/events/${data.id}`)
  t.equal(read.text, made.text)
  t.equal(read.headers.etag, made.headers.etag)
})

t.test(
  'times with an offset are instants, others are on the wall clock of the zone, never of the server',
  async (t) => {
    const service = await calendar(t, { DEFAULT_TIME_ZONE: 'europe/berlin' })
    const zulu = await addEvent(service, { start_time: '2026-11-14T00:30:05.250Z', end_time: '2026-11-14T10:30+09:00' })
    t.match(zulu, { start_time: '2026-11-14T01:30', start_at: '2026-11-14T00:30:05.250Z', time_zone: 'Europe/Berlin' })
    t.match(zulu, { end_time: '2026-11-14T02:30', end_at: '2026-11-14T01:30:00.000Z' })
    const local = await addEvent(service, { time_zone: 'America/New_York' })
    t.match(local, { start_time: '2026-11-14T09:30', start_at: '2026-11-14T14:30:00.000Z' })
    const dates = await addEvent(service, { start_time: '2026-11-14', end_time: '2026-11-15' })
    t.match(dates, {
      start_time: '2026-11-14T00:00',
      start_at: '2026-11-13T23:00:00.000Z',
      end_time: '2026-11-15T00:00',
    })
  },
)

t.test('every fault of an event is named at once', async (t) => {
  const { call } = await calendar(t)
  const body = {
    title: 'a'.repeat(256),
    description: 'a'.repeat(1001),
    location: 'a'.repeat(256),
    start_time: '2026-02-30T09:30',
    color: 'red',
    type: 'party',
    all_day: 'maybe',
    reminder_minutes: -1,
    time_zone: 'Mars/Base',
  }
  const answer = await call('POST', '/events', { body })
  const refusal = answer.json<Refusal>()
  t.equal(answer.status, 400)
  t.same(refusal.errors.map((error) => error.field).sort(), [...Object.keys(body), 'end_time'].sort())
  for (const field of [...Object.keys(body), 'end_time']) t.match(refusal.message, field)
})

t.test('single faults are refused', async (t) => {
  const { call } = await calendar(t)
  const bad: object[] = [
    { title: '' },
    { title: null },
    { title: 5 },
    { start_time: 1795168800000 },
    { start_time: null },
    { reminder_minutes: 1.5 },
    { color: '#3B82F' },
    { color: '#3B82F6 ' },
    { time_zone: '+09:00' },
    { all_day: 2 },
    { start_time: '0001-01-01T00:00' },
    { end_time: '9999-12-31T23:59-09:00' },
    { end_time: '2026-11-14T09:29:59.999' },
  ]
  for (const fields of bad) {
    const answer = await call('POST', '/events', { body: { ...meeting, ...fields } })
    t.equal(answer.status, 400, JSON.stringify(fields))
    t.match(answer.json<Refusal>().errors[0]?.field, Object.keys(fields)[0])
  }
  for (const body of [null, [], 'text'] as const) {
    const text = JSON.stringify(body)
    const answer = await call('POST', '/events', { body: text, headers: { 'content-type': 'application/json' } })
    t.equal(answer.status, 400, text)
  }
  t.equal((await call('POST', '/events')).status, 400)
})

t.test('the edges of what is allowed are allowed, and unknown fields ignored', async (t) => {
  const service = await calendar(t)
  const edges = {
    title: 'a'.repeat(255),
    description: 'a'.repeat(1000),
    location: 'a'.repeat(255),
    end_time: meeting.start_time,
    all_day: 1,
    reminder_minutes: 0,
    type: 'fortune',
    color: '#abcdef',
  }
  const event = await addEvent(service, { ...edges, id: 'mine', user_id: 'me', nonsense: [1] })
  t.match(event, { ...edges, all_day: true, end_time: event.start_time })
  t.not(event.id, 'mine')
  t.notOk('nonsense' in event)
  for (const empty of ['', null]) {
    t.match(await addEvent(service, { description: empty, location: empty }), { description: empty, location: empty })
  }
})

t.test('the whole event sent back as it was got stays what it was, to the millisecond', async (t) => {
  const service = await calendar(t)
  const events = [
    await addEvent(service, { start_time: '2026-11-14T09:30:15.250', end_time: '2026-11-14T09:30:45' }),
    // The second of the two half past ones of that night.
    await addEvent(service, {
      start_time: '2026-11-01T06:30:00Z',
      end_time: '2026-11-01T06:45:00Z',
      time_zone: 'America/New_York',
    }),
  ]
  for (const event of events) {
    const back = { ...event, title: 'new', description: null, location: '', start_at: 'ignored', created_at: 'ignored' }
    const answer = await service.call('PUT', `/events/${event.id}`, { body: back })
    const { data } = answer.json<One>()
    t.equal(answer.status, 200)
    t.same(data, { ...event, title: 'new', location: '', updated_at: data.updated_at }, 'all else is as before')
    t.ok(data.updated_at >= event.updated_at)
  }
  const [, night] = events as [EventView, EventView]
  const body = { start_time: `${night.start_time}:00` }
  const again = (await service.call('PATCH', `/events/${night.id}`, { body })).json<One>()
  t.equal(again.data.start_at, night.start_at, 'with the seconds that a form appends')
})

t.test('PUT and PATCH change only what is sent; null clears', async (t) => {
  const service = await calendar(t)
  const event = await addEvent(service, { description: 'd', location: 'l', reminder_minutes: 10, all_day: true })
  for (const method of ['PUT', 'PATCH']) {
    const change = async (body: object) =>
      (await service.call(method, `/events/${event.id}`, { body })).json<One>().data
    t.match(await change({ title: method }), { ...event, title: method, updated_at: String })
    t.match(await change({}), { title: method, description: 'd', reminder_minutes: 10, all_day: true })
    t.match(await change({ description: null, reminder_minutes: null }), { description: null, reminder_minutes: null })
    t.match(await change({ description: 'd', reminder_minutes: 10 }), { description: 'd', location: 'l' })
  }
  t.equal((await service.call('PUT', `/events/${event.id}`, { body: { title: '' } })).status, 400)
  t.equal((await service.call('PUT', `/events/${event.id}`)).status, 400)
})

t.test('a changed start or end alone is held against the other one', async (t) => {
  const service = await calendar(t)
  const { id } = await addEvent(service)
  const put = (body: object) => service.call('PUT', `/events/${id}`, { body })
  t.equal((await put({ end_time: '2026-11-14T09:29' })).status, 400)
  t.equal((await put({ start_time: '2026-11-14T10:31' })).status, 400)
  t.equal((await put({ start_time: '2026-11-14T10:30' })).status, 200)
  t.match((await service.call('GET', `/events/${id}`)).json(), { data: { start_time: '2026-11-14T10:30' } })
})

t.test(
  'wall-clock times of an update are in the zone of the event; a new zone alone keeps the wall clock',
  async (t) => {
    const service = await calendar(t)
    const { id } = await addEvent(service, { time_zone: 'America/New_York', all_day: true })
    const put = async (body: object) => (await service.call('PUT', `/events/${id}`, { body })).json<One>().data
    t.match(await put({ end_time: '2026-11-14T12:00' }), { end_at: '2026-11-14T17:00:00.000Z' })
    const moved = await put({ time_zone: 'asia/seoul' })
    t.match(moved, { time_zone: 'Asia/Seoul', start_time: '2026-11-14T09:30', start_at: '2026-11-14T00:30:00.000Z' })
    t.match(moved, { end_time: '2026-11-14T12:00', end_at: '2026-11-14T03:00:00.000Z', all_day: true })
  },
)

t.test('a deleted event is gone, with the words the client expects', async (t) => {
  const service = await calendar(t)
  const { id } = await addEvent(service)
  const gone = await service.call('DELETE', `/events/${id}`)
  t.equal(gone.status, 200)
  t.same(gone.json(), { status: 'success', message: 'Event deleted successfully' })
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
    const answer = await service.call(method, `/events/${id}`, method.startsWith('P') ? { body: {} } : {})
    t.equal(answer.status, 404)
    t.match(answer.json(), { message: 'Event not found', detail: 'Event not found', status: 404 })
  }
  t.equal((await service.call('GET', '/events/no-uuid')).status, 404)
})

t.test("another user's event does not exist", async (t) => {
  const service = await calendar(t)
  const { id } = await addEvent(service, {}, 'me')
  const headers = { 'x-user-id': 'you' }
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const body = method === 'PUT' ? { body: { title: 'x' } } : {}
    t.equal((await service.call(method, `/events/${id}`, { headers, ...body })).status, 404, method)
  }
  t.match((await service.call('GET', '/events', { headers })).json(), { data: [], count: 0 })
  t.equal((await service.call('GET', `/events/${id}`)).status, 404, 'the default user is another one too')
  t.equal((await service.call('GET', `/events/${id}`, { headers: { 'x-user-id': 'me' } })).status, 200)
})

t.test('If-Match lets only the one who has the current version change or delete', async (t) => {
  const service = await calendar(t)
  const { id } = await addEvent(service)
  const { etag = '' } = (await service.call('GET', `/events/${id}`)).headers
  const write = (method: string, tag: string, body?: object) =>
    service.call(method, `/events/${id}`, { headers: { 'if-match': tag }, ...(body === undefined ? {} : { body }) })
  t.equal((await write('PUT', '"old"', { title: 'x' })).status, 412)
  const changed = await write('PUT', etag, { title: 'x' })
  t.equal(changed.status, 200)
  t.equal((await write('DELETE', etag)).status, 412)
  t.equal((await service.call('GET', `/events/${id}`, { headers: { 'if-none-match': etag } })).status, 200)
  const current = changed.headers.etag as string
  t.equal((await service.call('GET', `/events/${id}`, { headers: { 'if-none-match': current } })).status, 304)
  t.equal((await write('DELETE', current)).status, 200)
})

t.test('a retry with the same Idempotency-Key makes one event', async (t) => {
  const { call } = await calendar(t)
  const headers = { 'idempotency-key': 'k' }
  const [first, second] = await Promise.all([
    call('POST', '/events', { body: meeting, headers }),
    call('POST', '/events', { body: meeting, headers }),
  ])
  t.equal(first?.text, second?.text)
  t.match((await call('GET', '/events')).json(), { count: 1 })
  t.equal((await call('POST', '/events', { body: { ...meeting, title: 'x' }, headers })).status, 422)
})

t.test('text comes back byte for byte, whatever it is made of', async (t) => {
  const service = await calendar(t)
  const there = async (text: string) => {
    const { id } = await addEvent(service, { title: text, description: text, location: text })
    const { title, description, location } = (await service.call('GET', `/events/${id}`)).json<One>().data
    return title === text && description === text && location === text
  }
  const odd = [
    '가족 모임'.normalize('NFD'),
    '가족 모임'.normalize('NFC'),
    '👨‍👩‍👧‍👦 🇰🇷',
    'שלום عالم ‏',
    `'; DROP TABLE events; -- "quotes" \\ / \u0000 \u2028 \u007f`,
    'please update the index; drop by',
    ' spaces \t\n',
    '</script><b>',
  ]
  for (const [index, text] of odd.entries()) t.ok(await there(text), `text ${index}`)
  await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }), there), { numRuns: 50 })
})

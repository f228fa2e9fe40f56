import t from 'tap'
import { contractClient } from './client.ts'

/** The calendar through the gateway, line by line, as the existing front ends call it. */
t.test('the calendar keeps its contract through the gateway', async (t) => {
  const { call } = await contractClient(t)
  const EVENTS = '/api/calendar/events'
  const form = {
    title: '팀 회의 🍜',
    description: null,
    start_time: '2026-11-14T09:30:00',
    end_time: '2026-11-14T10:30',
    all_day: false,
    location: '',
    type: 'work',
    color: '#10B981',
    reminder_minutes: 10,
    something_unknown: true,
  }

  await t.test('events: create, read, list by overlap, update, delete', async (t) => {
    const created = await call('POST', EVENTS, form)
    t.equal(created.status, 201)
    t.equal(created.json.status, 'success')
    const event = created.json.data as Record<string, unknown>
    t.match(event, {
      id: /^[\da-f]{8}-[\da-f-]{27}$/,
      title: form.title,
      description: null,
      start_time: '2026-11-14T09:30',
      end_time: '2026-11-14T10:30',
      start_at: '2026-11-14T00:30:00.000Z',
      time_zone: 'Asia/Seoul',
      all_day: false,
      location: '',
      type: 'work',
      color: '#10B981',
      reminder_minutes: 10,
      created_at: String,
      updated_at: String,
    })
    const found = await call('GET', `${EVENTS}/${String(event.id)}`)
    t.same(found.json, { status: 'success', data: event })
    const list = async (query: string) => (await call('GET', `${EVENTS}${query}`)).json
    t.match(await list(''), { status: 'success', data: [event], count: 1 })
    t.equal((await list('?start=2026-11-14T10:30&end=2026-11-15')).count, 1, 'overlap is inclusive')
    t.equal((await list('?start=2026-11-14T10:31&end=2026-11-15')).count, 0)
    t.equal((await list('?start_date=2026-11-14&end_date=2026-11-14')).count, 1)
    t.equal((await list('?type=work')).count, 1)
    t.equal((await list('?type=health')).count, 0)

    const edited = await call('PUT', `${EVENTS}/${String(event.id)}`, { ...event, title: '바뀐 회의' })
    t.equal(edited.status, 200)
    t.match(edited.json.data, { title: '바뀐 회의', start_at: event.start_at, end_at: event.end_at })
    const patched = await call('PATCH', `${EVENTS}/${String(event.id)}`, { color: '#000000' })
    t.match(patched.json.data, { title: '바뀐 회의', color: '#000000' })
    t.equal((await call('PUT', `${EVENTS}/${String(event.id)}`, { end_time: '2026-11-14T09:00' })).status, 400)

    const gone = await call('DELETE', `${EVENTS}/${String(event.id)}`)
    t.same([gone.status, gone.json], [200, { status: 'success', message: 'Event deleted successfully' }])
    const missing = await call('GET', `${EVENTS}/${String(event.id)}`)
    t.same([missing.status, missing.json.message], [404, 'Event not found'])
    t.equal((await call('PUT', `${EVENTS}/${String(event.id)}`, { title: 'x' })).status, 404)
    t.equal((await call('DELETE', `${EVENTS}/${String(event.id)}`)).status, 404)
  })

  await t.test('events: every fault of a field is in the message', async (t) => {
    const bad = await call('POST', EVENTS, { title: '', type: 'party', color: 'red', start_time: '2026-02-30T10:00' })
    t.equal(bad.status, 400)
    for (const field of ['title', 'type', 'color', 'start_time', 'end_time']) t.match(bad.json.message, field)
    t.equal((await call('POST', EVENTS, { ...form, title: 'a'.repeat(255) })).status, 201)
    t.equal((await call('POST', EVENTS, { ...form, title: 'a'.repeat(256) })).status, 400)
    t.equal((await call('POST', EVENTS, { ...form, reminder_minutes: -1 })).status, 400)
    const plain = await call('POST', EVENTS, {
      title: 'x',
      start_time: '2026-11-14T00:00:00Z',
      end_time: '2026-11-14T01:00:00+00:00',
    })
    t.match(plain.json.data, { color: '#3B82F6', type: 'personal', start_time: '2026-11-14T09:00' })
  })

  await t.test('the newer front end reaches the same below /api/events, /api/tags and /api/todos', async (t) => {
    const { json } = await call('POST', '/api/events', { ...form, title: '새 화면' })
    const { id } = json.data as { id: string }
    t.equal((await call('GET', `/api/events/${id}`)).status, 200)
    t.equal((await call('GET', `/api/events?start=2026-11-01&end=2026-11-30`)).status, 200)
    t.equal((await call('GET', '/api/tags')).status, 200)
    t.equal((await call('GET', '/api/todos/2026-11-14')).status, 200)
  })

  await t.test('tags: five to begin with, then create, change, put on events and take off', async (t) => {
    const TAGS = '/api/calendar/tags'
    const user = { 'x-user-id': 'kim' }
    const first = (await call('GET', TAGS, undefined, user)).json as unknown as Record<string, string>[]
    t.same(
      new Map(first.map(({ name, color }) => [name, color])),
      new Map([
        ['가족', '#F59E0B'],
        ['개인', '#10B981'],
        ['건강', '#8B5CF6'],
        ['업무', '#3B82F6'],
        ['중요', '#EF4444'],
      ]),
    )
    t.match(first[0], { id: String, user_id: 'kim', created_at: String, updated_at: String })
    const made = await call('POST', TAGS, { name: '운동', color: '#123456' }, user)
    t.equal(made.status, 201)
    t.equal((await call('POST', TAGS, { name: '운동', color: '#123456' }, user)).status, 409)
    t.equal((await call('POST', TAGS, { color: '#123456' }, user)).status, 400)
    const path = `${TAGS}/${String(made.json.id)}`
    t.match((await call('GET', path, undefined, user)).json, { name: '운동' })
    t.match((await call('PUT', path, { color: '#654321' }, user)).json, { name: '운동', color: '#654321' })
    t.equal((await call('PUT', path, { name: '업무' }, user)).status, 409)
    t.equal((await call('GET', path)).status, 404, "another user's tag is not there")

    const event = (await call('POST', EVENTS, form, user)).json.data as { id: string }
    const tagIds = [String(made.json.id), first[0]?.id]
    const put = await call('POST', `${EVENTS}/${event.id}/tags`, { tagIds }, user)
    t.equal(put.status, 200)
    t.equal((put.json as unknown as unknown[]).length, 2)
    t.same((await call('GET', `${EVENTS}/${event.id}/tags`, undefined, user)).json, put.json)
    const less = await call('POST', `${EVENTS}/${event.id}/tags`, { tagIds: [tagIds[0]] }, user)
    t.equal((less.json as unknown as unknown[]).length, 1, 'the list is replaced')
    t.equal((await call('DELETE', `${EVENTS}/${event.id}/tags/${tagIds[0]}`, undefined, user)).status, 204)
    t.equal((await call('DELETE', `${EVENTS}/${event.id}/tags/${tagIds[0]}`, undefined, user)).status, 404)
    t.equal((await call('DELETE', path, undefined, user)).status, 204)
    t.equal((await call('DELETE', path, undefined, user)).status, 404)
  })

  await t.test('todos: by date and priority, toggled, completed as 0 or 1', async (t) => {
    const TODOS = '/api/calendar/todos'
    const low = await call('POST', TODOS, { title: '화분에 물', date: '2026-11-14', priority: 'low' })
    const high = await call('POST', TODOS, { title: '계약서', date: '2026-11-14', priority: 'high', completed: true })
    const usual = await call('POST', TODOS, { title: '우유', date: '2026-11-14' })
    t.same([low.status, high.status, usual.status], [201, 201, 201])
    t.match(high.json, { title: '계약서', date: '2026-11-14', priority: 'high', completed: 1 })
    t.match(usual.json, { priority: 'medium', completed: 0 })
    const day = (await call('GET', `${TODOS}/2026-11-14`)).json as unknown as { title: string }[]
    t.same(
      day.map(({ title }) => title),
      ['계약서', '우유', '화분에 물'],
    )
    t.equal(((await call('GET', TODOS)).json as unknown as unknown[]).length, 3)
    const path = `${TODOS}/${String(low.json.id)}`
    t.match((await call('PATCH', `${path}/toggle`)).json, { completed: 1 })
    t.match((await call('PATCH', `${path}/toggle`)).json, { completed: 0 })
    t.match((await call('PUT', path, { completed: 1, title: '물 주기' })).json, { completed: 1, title: '물 주기' })
    t.equal((await call('POST', TODOS, { date: '2026-11-14' })).status, 400)
    t.equal((await call('POST', TODOS, { title: 'x', date: '2026-13-01' })).status, 400)
    t.equal((await call('DELETE', path)).status, 204)
    t.equal((await call('DELETE', path)).status, 404)
  })

  await t.test('ETag, If-Match and Idempotency-Key work through the gateway', async (t) => {
    const key = { 'idempotency-key': 'form-1' }
    const first = await call('POST', EVENTS, form, key)
    const again = await call('POST', EVENTS, form, key)
    t.same([again.status, again.text], [201, first.text])
    t.equal((await call('POST', EVENTS, { ...form, title: 'other' }, key)).status, 422)
    const path = `${EVENTS}/${(first.json.data as { id: string }).id}`
    const etag = (await call('GET', path)).headers.get('etag') as string
    t.equal((await call('GET', path, undefined, { 'if-none-match': etag })).status, 304)
    t.equal((await call('PUT', path, { title: 'a' }, { 'if-match': etag })).status, 200)
    t.equal((await call('PUT', path, { title: 'b' }, { 'if-match': etag })).status, 412)
    t.equal((await call('DELETE', path, undefined, { 'if-match': etag })).status, 412)
  })
})

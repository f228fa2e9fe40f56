import t from 'tap'
import { addEvent, calendar, type Calendar, type EventView, type Refusal } from '../test/client.ts'

interface List {
  status: string
  data: EventView[]
  count: number
  next_cursor?: string
}

const at = (day: number, from = '10:00', to = '11:00') => ({
  title: String(day),
  start_time: `2026-11-${String(day).padStart(2, '0')}T${from}`,
  end_time: `2026-11-${String(day).padStart(2, '0')}T${to}`,
})

const titles = async ({ call }: Calendar, query = '') =>
  (await call('GET', `/events${query}`))
    .json<List>()
    .data.map((event) => event.title)
    .join()

t.test('the list is by start, says how many there are, and shows what GET of each shows', async (t) => {
  const service = await calendar(t)
  t.same((await service.call('GET', '/events')).json(), { status: 'success', data: [], count: 0 })
  for (const day of [20, 5, 12]) await addEvent(service, at(day))
  const list = (await service.call('GET', '/events')).json<List>()
  t.same(Object.keys(list), ['status', 'data', 'count'])
  t.same(
    list.data.map((event) => event.title),
    ['5', '12', '20'],
  )
  t.equal(list.count, 3)
  const one = (await service.call('GET', `/events/${list.data[0]?.id}`)).json<{ data: EventView }>()
  t.same(list.data[0], one.data)
})

t.test('start and end select what overlaps them, edges included, by either name', async (t) => {
  const service = await calendar(t)
  for (const day of [1, 10, 20]) await addEvent(service, at(day))
  await addEvent(service, { title: 'long', start_time: '2026-10-01', end_time: '2026-12-01' })
  const cases: [string, string][] = [
    ['?start=2026-11-10&end=2026-11-10', 'long,10'],
    ['?start_date=2026-11-10&end_date=2026-11-20', 'long,10,20'],
    ['?start=2026-11-10T11:00&end=2026-11-20T10:00', 'long,10,20'],
    ['?start=2026-11-10T11:00:00.001&end=2026-11-20T09:59:59.999', 'long'],
    ['?start=2026-11-10T02:00:00Z&end=2026-11-10T02:00:00Z', 'long,10'],
    ['?start=2026-11-10T11:00:00%2B09:00&end=2026-11-11', 'long,10'],
    ['?start=2026-11-10T01:00&end=2026-11-10T02:00&time_zone=UTC', 'long,10'],
    ['?end=2026-11-09', 'long,1'],
    ['?start=2026-11-11', 'long,20'],
    ['?start=&end=&type=&limit=&cursor=', 'long,1,10,20'],
    ['?start=2027-01-01&end=2027-02-01', ''],
  ]
  for (const [query, expected] of cases) t.equal(await titles(service, query), expected, query)
})

t.test('events of any length are found in every window that they touch', async (t) => {
  const service = await calendar(t)
  const spans: [string, string, string][] = [
    ['decade', '2020-01-01', '2030-01-01'],
    ['year', '2026-01-01', '2026-12-31'],
    ['nine days', '2026-11-01', '2026-11-10'],
    ['eight days', '2026-11-02', '2026-11-10'],
    ['week', '2026-11-03', '2026-11-10'],
    ['past', '2020-01-02', '2020-12-31'],
  ]
  for (const [title, start_time, end_time] of spans) await addEvent(service, { title, start_time, end_time })
  const ten = 'decade,year,nine days,eight days,week'
  t.equal(await titles(service, '?start=2026-11-10&end=2026-11-12'), ten)
  t.equal(await titles(service, '?start=2026-11-10T00:01&end=2026-11-12'), 'decade,year')
  t.equal(await titles(service, '?start=2026-11-10&end=2026-11-12&limit=2&page=2'), 'nine days,eight days')
  t.equal(await titles(service, '?start=2028-01-01'), 'decade')
  t.equal(await titles(service, '?start=2020-06-01&end=2020-06-02'), 'decade,past')
})

t.test('an all-day event lasts to the end of its last day', async (t) => {
  const service = await calendar(t)
  await addEvent(service, { title: 'days', all_day: true, start_time: '2026-11-14', end_time: '2026-11-16' })
  await addEvent(service, { title: 'midnight', start_time: '2026-11-16', end_time: '2026-11-16' })
  t.equal(await titles(service, '?start=2026-11-16T20:00&end=2026-11-16T21:00'), 'days')
  t.equal(await titles(service, '?start=2026-11-17&end=2026-11-17'), '')
  t.equal(await titles(service, '?start=2026-11-13&end=2026-11-13'), '')
})

t.test('type selects', async (t) => {
  const service = await calendar(t)
  await addEvent(service, { ...at(1), type: 'work' })
  await addEvent(service, { ...at(2), type: 'family' })
  await addEvent(service, { ...at(3), type: 'work' })
  t.equal(await titles(service, '?type=work'), '1,3')
  t.equal(await titles(service, '?type=holiday'), '')
})

t.test('pages by number and by cursor cover everything once, in order', async (t) => {
  const service = await calendar(t)
  for (const day of [3, 1, 2, 5, 4, 4, 4]) await addEvent(service, { ...at(day), type: 'work' })
  await addEvent(service, { ...at(2), title: 'other' })
  t.equal(await titles(service, '?type=work&limit=3&page=1'), '1,2,3')
  t.equal(await titles(service, '?type=work&limit=3&page=2'), '4,4,4')
  t.equal(await titles(service, '?type=work&limit=3&page=3'), '5')
  t.equal(await titles(service, '?type=work&limit=3&page=4'), '')
  const seen: string[] = []
  let url: string | undefined = '/api/calendar/events?type=work&limit=3&page=1'
  let pages = 0
  while (url !== undefined) {
    const answer = await service.app.inject(url)
    const list = answer.json<List>()
    const link = answer.headers.link as string | undefined
    t.equal(list.next_cursor === undefined, link === undefined)
    t.equal(list.count, list.data.length)
    seen.push(...list.data.map((event) => event.id))
    if (pages++ === 0) await addEvent(service, { ...at(1, '08:00', '09:00'), type: 'work' })
    url = /^<(.*)>; rel="next"$/.exec(link ?? '')?.[1]
  }
  t.equal(pages, 3)
  t.equal(new Set(seen).size, 7, 'an insertion before the page shifts nothing')
  t.equal(await titles(service, '?type=work&limit=8'), '1,1,2,3,4,4,4,5')
  t.notOk((await service.call('GET', '/events?type=work&limit=8')).headers.link, 'a full last page has no next one')
})

t.test('a list has a greatest length', async (t) => {
  const service = await calendar(t, { EVENTS_LIST_MAX: '2' })
  for (const day of [1, 2, 3]) await addEvent(service, at(day))
  const list = (await service.call('GET', '/events')).json<List>()
  t.equal(list.count, 2)
  t.ok(list.next_cursor)
  t.equal((await service.call('GET', '/events?limit=3')).status, 400)
})

t.test('values that make no sense are refused by the name of the parameter', async (t) => {
  const { call } = await calendar(t)
  const bad: [string, string][] = [
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=x', 'limit'],
    ['limit=1.5', 'limit'],
    ['page=0', 'page'],
    ['page=99999999999', 'page'],
    ['start=yesterday', 'start'],
    ['end=2026-02-30', 'end'],
    ['start_date=2026-13-01', 'start_date'],
    ['end_date=1', 'end_date'],
    ['start=0001-01-01', 'start'],
    ['end=9999-12-31T23:59-01:00', 'end'],
    ['start=2026-11-14&end=2026-11-13', 'end'],
    ['start=2026-11-14&start=2026-11-15', 'start'],
    ['type=party', 'type'],
    ['time_zone=Mars', 'time_zone'],
    ['cursor=rubbish', 'cursor'],
    ['cursor=WzFd', 'cursor'],
  ]
  for (const [query, field] of bad) {
    const answer = await call('GET', `/events?${query}`)
    t.equal(answer.status, 400, query)
    t.equal(answer.json<Refusal>().errors[0]?.field, field, query)
  }
})

t.test('the list answers with a slash at its end, to HEAD, and 304 until something changes', async (t) => {
  const service = await calendar(t)
  await addEvent(service, at(1))
  const list = await service.call('GET', '/events')
  t.equal((await service.call('GET', '/events/')).text, list.text)
  const head = await service.call('HEAD', '/events')
  t.equal(head.status, 200)
  t.equal(head.text, '')
  t.equal(head.headers['content-length'], String(Buffer.byteLength(list.text)))
  t.match(list.headers['content-type'], /^application\/json/)
  const headers = { 'if-none-match': list.headers.etag as string }
  t.equal((await service.call('GET', '/events', { headers })).status, 304)
  await addEvent(service, at(2))
  t.equal((await service.call('GET', '/events', { headers })).status, 200)
})

import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { calendar, type Calendar, type Refusal } from '../test/client.ts'

interface Todo {
  id: string
  title: string
  description: string | null
  date: string
  priority: string
  completed: number
  created_at: string
  updated_at: string
}

const body = { title: '장보기', date: '2026-11-14' }

async function add({ call }: Calendar, fields: object = {}): Promise<Todo> {
  const answer = await call('POST', '/todos', { body: { ...body, ...fields } })
  if (answer.status !== 201) throw new Error(answer.text)
  return answer.json<Todo>()
}
const titles = async ({ call }: Calendar, path = '') =>
  (await call('GET', `/todos${path}`))
    .json<Todo[]>()
    .map((todo) => todo.title)
    .join()

t.test('a new todo has what was sent and defaults for the rest', async (t) => {
  const service = await calendar(t)
  const made = await service.call('POST', '/todos', { body })
  t.equal(made.status, 201)
  const todo = made.json<Todo>()
  t.match(todo, { ...body, description: null, priority: 'medium', completed: 0, created_at: /Z$/ })
  t.equal((await service.call('GET', `/todos/${todo.id}`)).text, made.text)
  for (const [sent, kept] of [
    [1, 1],
    [0, 0],
    [true, 1],
    [false, 0],
  ]) {
    t.equal((await add(service, { completed: sent })).completed, kept)
  }
  t.match(await add(service, { description: '', priority: 'high' }), { description: '', priority: 'high' })
})

t.test("a date's todos are high before medium before low, then as they were made", async (t) => {
  const service = await calendar(t)
  for (const [title, priority] of [
    ['1', 'low'],
    ['2', 'high'],
    ['3', 'medium'],
    ['4', 'high'],
    ['5', 'low'],
    ['6', 'high'],
  ]) {
    await add(service, { title, priority })
  }
  await add(service, { title: 'other day', date: '2026-11-13' })
  t.equal(await titles(service, '/2026-11-14'), '2,4,6,3,1,5')
  t.equal(await titles(service, '/2026-11-15'), '')
  t.equal(await titles(service), 'other day,2,4,6,3,1,5')
  t.equal(await titles(service, '/'), 'other day,2,4,6,3,1,5')
})

t.test('what is neither a date nor an id is refused', async (t) => {
  const { call } = await calendar(t)
  for (const text of ['2026-02-30', '2026-2-3', 'today']) {
    const answer = await call('GET', `/todos/${text}`)
    t.equal(answer.status, 400, text)
    t.equal(answer.json<Refusal>().errors[0]?.field, 'date')
  }
  const nobody = await call('GET', '/todos/01a1fbd9-cb67-7dca-b449-b58c2f49fcff')
  t.equal(nobody.status, 404)
  t.match(nobody.json(), { message: 'Todo not found' })
})

t.test('PUT and PATCH change only what is sent, toggle turns completed over', async (t) => {
  const service = await calendar(t)
  const todo = await add(service, { description: 'd', priority: 'low' })
  for (const method of ['PUT', 'PATCH']) {
    const change = async (fields: object) =>
      (await service.call(method, `/todos/${todo.id}`, { body: fields })).json<Todo>()
    t.match(await change({ title: method }), { ...todo, title: method, updated_at: String })
    t.match(await change({ completed: true, description: null }), { completed: 1, description: null, priority: 'low' })
    t.match(await change({ completed: 0, description: 'd', date: '2026-11-15' }), { completed: 0, date: '2026-11-15' })
    t.match(await change({ date: '2026-11-14' }), { completed: 0, description: 'd' })
  }
  const toggle = () => service.call('PATCH', `/todos/${todo.id}/toggle`)
  t.equal((await toggle()).json<Todo>().completed, 1)
  const off = await toggle()
  t.equal(off.status, 200)
  t.equal(off.json<Todo>().completed, 0)
  t.equal(off.text, (await service.call('GET', `/todos/${todo.id}`)).text)
})

t.test('faults are named', async (t) => {
  const { call } = await calendar(t)
  const answer = await call('POST', '/todos', { body: { date: '2026-02-30', priority: 'urgent', completed: 2 } })
  t.equal(answer.status, 400)
  t.same(
    answer
      .json<Refusal>()
      .errors.map((error) => error.field)
      .sort(),
    ['completed', 'date', 'priority', 'title'],
  )
  for (const query of [
    'limit=0',
    'from=x',
    'to=2026-02-30',
    'completed=2',
    'from=2026-11-02&to=2026-11-01',
    'cursor=x',
  ]) {
    t.equal((await call('GET', `/todos?${query}`)).status, 400, query)
  }
  t.equal((await call('GET', '/todos/2026-11-14?limit=0')).status, 400)
})

t.test('a deleted todo is gone; nobody sees or changes the todos of another', async (t) => {
  const service = await calendar(t)
  const { id } = await add(service)
  const headers = { 'x-user-id': 'you' }
  const tries = async (extra: object) => [
    (await service.call('GET', `/todos/${id}`, extra)).status,
    (await service.call('PUT', `/todos/${id}`, { ...extra, body: {} })).status,
    (await service.call('PATCH', `/todos/${id}/toggle`, extra)).status,
    (await service.call('DELETE', `/todos/${id}`, extra)).status,
  ]
  t.same(await tries({ headers }), [404, 404, 404, 404])
  t.same((await service.call('GET', '/todos/2026-11-14', { headers })).json(), [])
  t.same(await tries({ headers: { 'if-match': '"x"' } }), [200, 412, 412, 412])
  const gone = await service.call('DELETE', `/todos/${id}`)
  t.equal(gone.status, 204)
  t.equal(gone.text, '')
  t.same(await tries({}), [404, 404, 404, 404])
})

t.test('lists can be narrowed and come in pages', async (t) => {
  const service = await calendar(t)
  for (const day of ['11', '13', '12', '14']) await add(service, { title: day, date: `2026-11-${day}` })
  await add(service, { title: 'done', date: '2026-11-12', completed: 1, priority: 'high' })
  t.equal(await titles(service, '?from=2026-11-12&to=2026-11-13'), 'done,12,13')
  t.equal(await titles(service, '?date=2026-11-12'), 'done,12')
  t.equal(await titles(service, '?completed=1'), 'done')
  t.equal(await titles(service, '?completed=false&to=2026-11-12'), '11,12')
  t.equal(await titles(service, '?limit=2&page=2'), '12,13')
  t.equal(await titles(service, '?limit=2&page=4'), '')
  const seen: string[] = []
  let url: string | undefined = '/api/calendar/todos?limit=2&completed=0'
  while (url !== undefined) {
    const answer: LightMyRequestResponse = await service.app.inject(url)
    seen.push(...answer.json<Todo[]>().map((todo) => todo.title))
    url = /^<(.*)>; rel="next"$/.exec((answer.headers.link as string | undefined) ?? '')?.[1]
  }
  t.same(seen, ['11', '12', '13', '14'])
})

import t from 'tap'
import { calendar, type Calendar, type Refusal } from '../test/client.ts'
import type { TagInput } from './schema.ts'

interface Tag extends TagInput {
  id: string
  user_id: string
  created_at: string
  updated_at: string
}

const list = async ({ call }: Calendar, user = 'me') =>
  (await call('GET', '/tags', { headers: { 'x-user-id': user } })).json<Tag[]>()
const add = ({ call }: Calendar, body: unknown, user = 'me') =>
  call('POST', '/tags', { body, headers: { 'x-user-id': user } })

t.test('a new user has the five default tags, by name', async (t) => {
  const service = await calendar(t)
  const tags = await list(service)
  t.same(
    tags.map(({ name, color }) => [name, color]),
    [
      ['가족', '#F59E0B'],
      ['개인', '#10B981'],
      ['건강', '#8B5CF6'],
      ['업무', '#3B82F6'],
      ['중요', '#EF4444'],
    ],
  )
  t.same(Object.keys(tags[0] as Tag), ['id', 'name', 'color', 'user_id', 'created_at', 'updated_at'])
  t.equal(tags[0]?.user_id, 'me')
})

t.test('default tags are made once, also when the first requests come together', async (t) => {
  const service = await calendar(t)
  const [a, b, made] = await Promise.all([list(service), list(service), add(service, { name: '새', color: '#000000' })])
  t.equal(made.status, 201)
  t.equal((await list(service)).length, 6)
  t.ok(a.length >= 5 && b.length >= 5)
  t.equal((await list(service, 'you')).length, 5, 'each user has tags of their own')
})

t.test('default tags that were deleted stay deleted, also after a restart', async (t) => {
  const first = await calendar(t)
  for (const { id } of await list(first)) {
    t.equal((await first.call('DELETE', `/tags/${id}`, { headers: { 'x-user-id': 'me' } })).status, 204)
  }
  t.same(await list(first), [])
  await first.close()
  const second = await calendar(t, { DATA_DIR: first.dataDir })
  t.same(await list(second), [])
})

t.test('a name is used once by a user, whichever way its letters are composed', async (t) => {
  const service = await calendar(t)
  const name = '여행'.normalize('NFD')
  const made = await add(service, { name, color: '#112233' })
  t.equal(made.status, 201)
  t.equal(made.json<Tag>().name, name, 'what was sent comes back')
  for (const again of [name, name.normalize('NFC'), '업무', '업무'.normalize('NFD')]) {
    const refused = await add(service, { name: again, color: '#000000' })
    t.equal(refused.status, 409)
    t.match(refused.json<Refusal>(), { message: `There is already a tag named ${again}` })
    t.equal(refused.json<Refusal>().errors[0]?.field, 'name')
  }
  t.equal((await add(service, { name, color: '#000000' }, 'you')).status, 201)
})

t.test('a tag changes by parts and keeps its own name', async (t) => {
  const service = await calendar(t)
  const headers = { 'x-user-id': 'me' }
  const { id } = (await add(service, { name: '여행', color: '#112233' })).json<Tag>()
  const put = (body: object, method = 'PUT') => service.call(method, `/tags/${id}`, { body, headers })
  t.match((await put({ color: '#445566' })).json(), { name: '여행', color: '#445566' })
  t.match((await put({ name: '휴가' }, 'PATCH')).json(), { name: '휴가', color: '#445566' })
  t.equal((await put({ name: '휴가'.normalize('NFD') })).status, 200)
  t.equal((await put({ name: '업무' })).status, 409)
  t.equal((await put({ name: '' })).status, 400)
  t.equal((await put({ color: 'red' })).status, 400)
  const one = await service.call('GET', `/tags/${id}`, { headers })
  t.equal(one.json<Tag>().name, '휴가'.normalize('NFD'))
  t.equal(
    (await service.call('PUT', `/tags/${id}`, { body: {}, headers: { ...headers, 'if-match': '"x"' } })).status,
    412,
  )
  const match = { ...headers, 'if-match': one.headers.etag as string }
  t.equal((await service.call('PUT', `/tags/${id}`, { body: { color: '#000000' }, headers: match })).status, 200)
})

t.test("a tag that is not there, or another user's, is 404", async (t) => {
  const service = await calendar(t)
  const { id } = (await add(service, { name: '여행', color: '#112233' })).json<Tag>()
  for (const path of [`/tags/${id}`, '/tags/nothing']) {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const body = method.startsWith('P') ? { body: { color: '#000000' } } : {}
      const answer = await service.call(method, path, { headers: { 'x-user-id': 'you' }, ...body })
      t.equal(answer.status, 404, `${method} ${path}`)
      t.match(answer.json(), { message: 'Tag not found' })
    }
  }
})

t.test('a tag needs a name of 1 to 100 characters and a colour', async (t) => {
  const service = await calendar(t)
  const bad = [{}, { name: 'a' }, { name: '', color: '#000000' }, { name: 'a'.repeat(101), color: '#000000' }]
  for (const body of bad) t.equal((await add(service, body)).status, 400)
  t.same(
    (await add(service, {}))
      .json<Refusal>()
      .errors.map((error) => error.field)
      .sort(),
    ['color', 'name'],
  )
  t.equal((await add(service, { name: 'a'.repeat(100), color: '#abcdef' })).status, 201)
})

t.test('a user has a greatest number of tags', async (t) => {
  const service = await calendar(t, { TAGS_MAX: '6' })
  t.equal((await add(service, { name: 'a', color: '#000000' })).status, 201)
  const refused = await add(service, { name: 'b', color: '#000000' })
  t.equal(refused.status, 409)
  t.match(refused.json(), { message: /at most 6/ })
})

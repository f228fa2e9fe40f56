import fc from 'fast-check'
import t from 'tap'
import { DEFAULT_USER } from '#shared/caller.ts'
import type { ProblemDocument } from '#shared/problem.ts'
import { AS_ANNA, diary, post, written, type Entry } from '../test/diary.ts'

const AS_BO = { 'x-user-id': 'bo' }

t.test('an entry comes back as it was written, by its date and by its id', async (t) => {
  const { app } = await diary(t)
  const sent = { date: '2026-11-14', content: '첫눈 ☃', mood: '😊', weather: '눈', tags: ['겨울', '가족'] }
  const answer = await post(app, sent)
  t.equal(answer.statusCode, 201)
  const entry = answer.json<Entry>()
  t.match(entry, { ...sent, user_id: 'anna', images: [] })
  t.match(entry.id, /^[\da-f-]{36}$/)
  t.match(entry.created_at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  t.equal(entry.updated_at, entry.created_at)
  for (const key of ['2026-11-14', entry.id, entry.id.toUpperCase()]) {
    const read = await app.inject({ url: `/api/diaries/${key}`, headers: AS_ANNA })
    t.equal(read.body, answer.body, key)
    t.equal(read.headers.etag, answer.headers.etag)
  }
})

t.test('without a name the entry is the default user’s', async (t) => {
  const { app } = await diary(t)
  const answer = await post(app, { date: '2026-11-14', content: 'a' }, {})
  t.match(answer.json(), { user_id: DEFAULT_USER, mood: null, weather: null, tags: [], images: [] })
  t.equal((await app.inject('/api/diaries/2026-11-14')).statusCode, 200)
})

t.test('a date without an entry is a 404 that the client reads as "no entry yet"', async (t) => {
  const { app } = await diary(t)
  const answer = await app.inject({ url: '/api/diaries/2026-11-14', headers: AS_ANNA })
  t.equal(answer.statusCode, 404)
  t.match(answer.json(), { error: 'Diary entry not found', message: 'Diary entry not found' })
})

t.test('an entry without date or content is refused in the words of the existing client', async (t) => {
  const { app } = await diary(t)
  for (const [payload, fields] of [
    [{}, ['date', 'content']],
    [{ date: '2026-11-14' }, ['content']],
    [{ date: '2026-11-14', content: '' }, ['content']],
    [{ date: null, content: 'a' }, ['date']],
    [[], ['date', 'content']],
  ] as const) {
    const answer = await post(app, payload)
    const problem = answer.json<ProblemDocument>()
    t.equal(answer.statusCode, 400)
    t.equal(problem.error, 'Date and content are required')
    t.equal(problem.message, 'Date and content are required')
    t.same(
      problem.errors?.map(({ field }) => field),
      fields,
    )
  }
  const bodiless = await app.inject({ method: 'POST', url: '/api/diaries' })
  t.equal(bodiless.json<ProblemDocument>().error, 'Date and content are required')
})

t.test('a second entry for a date is a conflict, another user’s is not', async (t) => {
  const { app } = await diary(t)
  await written(app)
  t.equal((await post(app, { date: '2026-11-14', content: 'again' })).statusCode, 409)
  t.equal((await post(app, { date: '2026-11-14', content: 'mine' }, AS_BO)).statusCode, 201)
})

t.test('only real dates are dates', async (t) => {
  const { app } = await diary(t)
  for (const date of ['2026-02-29', '2026-13-01', '2026-1-1', '20261114', '2026-11-14T00:00', 'today', '2026-11-31']) {
    t.equal((await post(app, { date, content: 'a' })).statusCode, 400, `write ${date}`)
    for (const url of [`/api/diaries/${date}`, `/api/diaries?date=${date}`, `/api/diaries?startDate=${date}`]) {
      t.equal((await app.inject({ url, headers: AS_ANNA })).statusCode, 400, url)
    }
  }
  for (const month of ['2026-13', '2026-1', '2026', '2026-11-14']) {
    t.equal((await app.inject(`/api/diaries?month=${month}`)).statusCode, 400, month)
  }
  t.equal((await post(app, { date: '2028-02-29', content: 'a' })).statusCode, 201)
})

t.test('a change keeps what is omitted or null, empties what is [] and never moves the date', async (t) => {
  const { app } = await diary(t)
  const entry = await written(app, { content: 'before', mood: 3, weather: '맑음', tags: ['a', 'b'] })
  for (const method of ['PUT', 'PATCH'] as const) {
    const change = async (payload: object) => {
      const answer = await app.inject({ method, url: `/api/diaries/${entry.id}`, payload, headers: AS_ANNA })
      t.equal(answer.statusCode, 200, answer.body)
      const read = await app.inject({ url: `/api/diaries/${entry.id}`, headers: AS_ANNA })
      t.equal(answer.body, read.body)
      t.equal(answer.headers.etag, read.headers.etag)
      return answer.json<Entry>()
    }
    t.match(await change({ content: null, mood: null, weather: null, tags: null, images: null }), {
      content: 'before',
      mood: 3,
      weather: '맑음',
      tags: ['a', 'b'],
    })
    t.match(await change({ content: 'after', date: '2020-01-01' }), { content: 'after', date: '2026-11-14', mood: 3 })
    t.match(await change({ tags: [], mood: '', weather: '' }), { tags: [], mood: null, weather: null })
    t.match(await change({}), { content: 'after', created_at: entry.created_at })
    await change({ content: 'before', mood: 3, weather: '맑음', tags: ['a', 'b'] })
  }
})

t.test('a deleted entry is gone', async (t) => {
  const { app } = await diary(t)
  const { id } = await written(app)
  const remove = () => app.inject({ method: 'DELETE', url: `/api/diaries/${id}`, headers: AS_ANNA })
  const answer = await remove()
  t.equal(answer.statusCode, 204)
  t.equal(answer.body, '')
  t.equal((await remove()).statusCode, 404)
  t.equal((await app.inject({ url: '/api/diaries/2026-11-14', headers: AS_ANNA })).statusCode, 404)
  t.equal((await post(app, { date: '2026-11-14', content: 'anew' })).statusCode, 201)
})

t.test('nobody sees, changes or deletes another user’s entry', async (t) => {
  const { app } = await diary(t)
  const { id } = await written(app)
  const as = async (method: 'GET' | 'PUT' | 'PATCH' | 'DELETE', url: string) =>
    (
      await app.inject({
        method,
        url,
        headers: AS_BO,
        ...(method.startsWith('P') ? { payload: { content: 'x' } } : {}),
      })
    ).statusCode
  for (const url of [`/api/diaries/${id}`, `/api/diaries?id=${id}`]) {
    t.equal(await as('PUT', url), 404)
    t.equal(await as('PATCH', url), 404)
    t.equal(await as('DELETE', url), 404)
  }
  t.equal(await as('GET', `/api/diaries/${id}`), 404)
  t.equal(await as('GET', '/api/diaries/2026-11-14'), 404)
  for (const url of ['/api/diaries', '/api/diaries/search?q=', '/api/diaries/search?q=오늘']) {
    t.same((await app.inject({ url: encodeURI(url), headers: AS_BO })).json(), [])
  }
  t.same((await app.inject({ url: `/api/diaries?id=${id}`, headers: AS_BO })).json(), { success: true, data: null })
  const mine = await app.inject({ url: `/api/diaries/${id}`, headers: AS_ANNA })
  t.equal(mine.json<Entry>().content, '오늘')
})

t.test('a mood is an emoji, a short text or 1 to 5, and keeps its type', async (t) => {
  const { app } = await diary(t)
  const moods = ['😊', '😐', '😢', '😠', '😴', '🤔', '😍', '😱', 1, 5, '3', '그저 그래', '👨‍👩‍👧‍👦']
  for (const [index, mood] of moods.entries()) {
    const entry = await written(app, { date: `2026-01-${String(index + 1).padStart(2, '0')}`, mood })
    t.equal(entry.mood, mood)
  }
  for (const mood of [0, 6, 2.5, true, {}, 'x'.repeat(33)]) {
    t.equal((await post(app, { date: '2026-02-01', content: 'a', mood })).statusCode, 400, String(mood))
  }
})

t.test('every field has its limit, and its edge is inside', async (t) => {
  const { app } = await diary(t, { DIARY_CONTENT_MAX: '100', DIARY_TAGS_MAX: '3', DIARY_TAG_MAX: '5' })
  const { id } = await written(app, {
    content: '가'.repeat(100),
    tags: ['다섯글자입', 'b', 'c'],
    weather: 'w'.repeat(32),
  })
  const faults = [
    { content: '가'.repeat(101) },
    { content: '' },
    { tags: ['a', 'b', 'c', 'd'] },
    { tags: ['여섯글자이다'] },
    { tags: [''] },
    { tags: 'a' },
    { weather: 'w'.repeat(33) },
    { images: 'a' },
    { content: 5 },
  ]
  for (const fault of faults) {
    const answer = await app.inject({ method: 'PUT', url: `/api/diaries/${id}`, payload: fault, headers: AS_ANNA })
    t.equal(answer.statusCode, 400, JSON.stringify(fault))
    t.match(answer.json<ProblemDocument>().errors?.[0]?.field, new RegExp(`^${Object.keys(fault)[0]}`))
  }
})

t.test('who has the current version gets 304, and who has an old one cannot overwrite the new', async (t) => {
  const { app } = await diary(t)
  const { id } = await written(app)
  for (const url of [`/api/diaries/${id}`, `/api/diaries?id=${id}`]) {
    const old = (await app.inject({ url, headers: AS_ANNA })).headers.etag as string
    const read = await app.inject({ url, headers: { ...AS_ANNA, 'if-none-match': old } })
    t.equal(read.statusCode, 304)
    const write = (method: 'PUT' | 'DELETE', tag: string) =>
      app.inject({ method, url, payload: { content: tag }, headers: { ...AS_ANNA, 'if-match': tag } })
    const changed = await write('PUT', old)
    t.equal(changed.statusCode, 200)
    const stale = await write('PUT', old)
    t.equal(stale.statusCode, 412)
    t.equal(stale.headers.etag, changed.headers.etag)
    t.equal((await write('DELETE', old)).statusCode, 412)
    t.equal((await app.inject({ url, headers: AS_ANNA })).headers.etag, changed.headers.etag)
  }
  const list = await app.inject({ url: '/api/diaries', headers: AS_ANNA })
  const again = { url: '/api/diaries', headers: { ...AS_ANNA, 'if-none-match': list.headers.etag as string } }
  t.equal((await app.inject(again)).statusCode, 304)
  await written(app, { date: '2026-11-15' })
  t.equal((await app.inject(again)).statusCode, 200)
})

t.test('an Idempotency-Key makes a retried POST answer the same entry, and refuses another body', async (t) => {
  const { app } = await diary(t)
  const headers = { ...AS_ANNA, 'idempotency-key': 'k' }
  const payload = { date: '2026-11-14', content: 'once' }
  const [first, retry] = await Promise.all([post(app, payload, headers), post(app, payload, headers)])
  t.equal(first?.statusCode, 201)
  t.equal(retry?.body, first?.body)
  t.equal((await post(app, { ...payload, content: 'twice' }, headers)).statusCode, 422)
  t.equal((await post(app, payload, AS_ANNA)).statusCode, 409, 'without the key it is a second entry')
})

t.test('any text comes back byte for byte', async (t) => {
  const { app } = await diary(t)
  let { id } = await written(app)
  const known = [
    '한글'.normalize('NFD'),
    '한글',
    'مرحبا',
    'שלום \u202e',
    'a\u0000b',
    "'; DROP TABLE entries; --",
    '"\\"',
    '🏳️‍🌈',
  ]
  const keep = async (content: string, tag: string) => {
    const payload = { content, tags: [tag] }
    const answer = await app.inject({ method: 'PUT', url: `/api/diaries/${id}`, payload, headers: AS_ANNA })
    const entry = answer.json<Entry>()
    return entry.content === content && entry.tags[0] === tag
  }
  for (const text of [...known, 'please update the index; drop by', 'data:image/png;base64,AAAA']) {
    t.ok(await keep(text, text), text)
  }
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 })
  await fc.assert(fc.asyncProperty(text, text, keep), { numRuns: 60 })
  await app.inject({ method: 'DELETE', url: `/api/diaries/${id}`, headers: AS_ANNA })
  id = (await written(app, { content: 'e\u0301' })).id
  t.equal((await app.inject({ url: `/api/diaries/${id}`, headers: AS_ANNA })).json<Entry>().content, 'e\u0301')
})

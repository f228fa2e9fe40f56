import fc from 'fast-check'
import t from 'tap'
import type { App } from '#shared/server.ts'
import { AS_ANNA, diary, written, type Entry } from '../test/diary.ts'
import { fold } from './fold.ts'

async function search(app: App, query: Record<string, string>): Promise<string[]> {
  const answer = await app.inject({ url: '/api/diaries/search', query, headers: AS_ANNA })
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return answer.json<Entry[]>().map(({ date }) => date)
}

t.test('text is found in content and tags, in any case and any normal form', async (t) => {
  const { app } = await diary(t)
  await written(app, { date: '2026-01-01', content: 'Coffee with Zoë at the café' })
  await written(app, { date: '2026-01-02', content: '제주도에서 한라산에 올랐다', tags: ['여행', 'Jeju'] })
  await written(app, { date: '2026-01-03', content: '한라산 사진 정리'.normalize('NFD') })
  t.same(await search(app, { q: 'COFFEE' }), ['2026-01-01'])
  t.same(await search(app, { q: 'ZOË'.normalize('NFD') }), ['2026-01-01'])
  for (const q of ['한라산', '한라산'.normalize('NFD'), '라산']) {
    t.same(await search(app, { q }), ['2026-01-03', '2026-01-02'], q)
  }
  t.same(await search(app, { q: 'jeju' }), ['2026-01-02'])
  t.same(await search(app, { q: 'ｊｅｊｕ' }), ['2026-01-02'], 'full-width letters are letters')
  t.same(await search(app, { q: '없다' }), [])
  t.same(await search(app, {}), ['2026-01-03', '2026-01-02', '2026-01-01'])
})

t.test('a changed entry is found by its new text and tags only', async (t) => {
  const { app } = await diary(t)
  const { id } = await written(app, { content: 'old words', tags: ['first'] })
  const change = (payload: object) =>
    app.inject({ method: 'PUT', url: `/api/diaries/${id}`, payload, headers: AS_ANNA })
  await change({ content: 'new words' })
  t.same(await search(app, { q: 'old' }), [])
  t.same(await search(app, { q: 'NEW' }), ['2026-11-14'])
  t.same(await search(app, { q: 'first' }), ['2026-11-14'])
  await change({ tags: [] })
  t.same(await search(app, { q: 'first' }), [])
})

t.test('percent, underscore, quotes and operators mean themselves', async (t) => {
  const { app } = await diary(t)
  const texts = ['100% sure', '100 sure', 'a_b', 'axb', `it's "quoted"`, 'a AND b*', '\\backslash']
  for (const [index, content] of texts.entries()) await written(app, { date: `2026-01-0${index + 1}`, content })
  t.same(await search(app, { q: '100%' }), ['2026-01-01'])
  t.same(await search(app, { q: '%' }), ['2026-01-01'])
  t.same(await search(app, { q: 'a_b' }), ['2026-01-03'])
  t.same(await search(app, { q: `'s "q` }), ['2026-01-05'])
  t.same(await search(app, { q: 'AND b*' }), ['2026-01-06'])
  t.same(await search(app, { q: '\\' }), ['2026-01-07'])
  t.same(await search(app, { q: `' OR 1=1 --` }), [])
})

t.test('mood and dates narrow a search, and it has pages', async (t) => {
  const { app } = await diary(t)
  for (let day = 1; day <= 6; day++) {
    await written(app, { date: `2026-01-0${day}`, content: 'same', mood: day % 2 === 0 ? '😊' : 3 })
  }
  t.same(await search(app, { mood: '😊' }), ['2026-01-06', '2026-01-04', '2026-01-02'])
  t.same(await search(app, { mood: '3', q: 'same', startDate: '2026-01-02' }), ['2026-01-05', '2026-01-03'])
  t.same(await search(app, { q: 'same', endDate: '2026-01-02' }), ['2026-01-02', '2026-01-01'])
  t.same(await search(app, { q: 'same', limit: '2', page: '2' }), ['2026-01-04', '2026-01-03'])
  const first = await app.inject({ url: '/api/diaries/search?q=same&limit=4', headers: AS_ANNA })
  const next = /<(.*)>/.exec(String(first.headers.link))?.[1] as string
  const rest = await app.inject({ url: next, headers: AS_ANNA })
  t.same(
    rest.json<Entry[]>().map(({ date }) => date),
    ['2026-01-02', '2026-01-01'],
  )
  t.equal((await app.inject(`/api/diaries/search?q=${'x'.repeat(201)}`)).statusCode, 400)
  t.equal((await app.inject('/api/diaries/search?startDate=2026-02-30')).statusCode, 400)
})

t.test('exactly the entries that hold the text are found', async (t) => {
  const { app } = await diary(t)
  const letter = fc.constantFrom('가', '각', '나', 'ㄱ', 'a', 'A', '%', '_', ' ', "'", '😊', '가'.normalize('NFD'))
  const text = fc.array(letter, { minLength: 1, maxLength: 6 }).map((letters) => letters.join(''))
  const stored: Entry[] = []
  for (const [index, content] of fc.sample(text, { numRuns: 28, seed: 11 }).entries()) {
    stored.push(await written(app, { date: `2026-02-${String(index + 1).padStart(2, '0')}`, content }))
  }
  await fc.assert(
    fc.asyncProperty(text, async (q) => {
      const expected = stored.filter(({ content }) => fold(content).includes(fold(q))).map(({ date }) => date)
      const found = await search(app, { q, limit: '100' })
      return JSON.stringify(found) === JSON.stringify(expected.reverse())
    }),
    { numRuns: 80 },
  )
})

t.test('a text of nothing but combining marks is folded as fast as any other', (t) => {
  const marks = '\u0301'.repeat(200_000) + '\u0327'.repeat(200_000)
  t.equal(fold(marks).replaceAll('\u034f', '').length, 400_000)
  t.equal(fold(`e${'\u0301'.repeat(20)}`), `é${'\u0301'.repeat(19)}`, 'a few are composed as ever')
  t.end()
})

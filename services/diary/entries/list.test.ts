import t from 'tap'
import type { ProblemDocument } from '#shared/problem.ts'
import { AS_ANNA, diary, written, type Entry } from '../test/diary.ts'

t.test('a list is bare, newest first, in pages, and Link leads through all of it', async (t) => {
  const { app } = await diary(t, { DIARY_LIST_DEFAULT: '4', DIARY_LIST_MAX: '6' })
  const dates = Array.from({ length: 11 }, (_, day) => `2026-03-${String(day + 1).padStart(2, '0')}`).reverse()
  for (const date of [...dates].sort()) await written(app, { date })
  const list = async (url: string) => {
    const answer = await app.inject({ url, headers: AS_ANNA })
    const next = /^<(.*)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1]
    return { dates: answer.json<Entry[]>().map(({ date }) => date), next }
  }
  t.same((await list('/api/diaries')).dates, dates.slice(0, 4))
  t.same((await list('/api/diaries?page=2&limit=6')).dates, dates.slice(6))
  t.same((await list('/api/diaries?page=9')).dates, [])
  const walked: string[] = []
  for (let url: string | undefined = '/api/diaries?limit=3'; url !== undefined;) {
    const page: Awaited<ReturnType<typeof list>> = await list(url)
    walked.push(...page.dates)
    if (walked.length === 3) await written(app, { date: '2026-12-31' })
    url = page.next
  }
  t.same(walked, dates, 'also when an entry is written in between')
  for (const query of ['limit=0', 'limit=7', 'limit=x', 'page=0', 'cursor=x']) {
    t.equal((await app.inject(`/api/diaries?${query}`)).statusCode, 400, query)
  }
})

t.test('a list is narrowed by month, first and last day', async (t) => {
  const { app } = await diary(t)
  for (const date of ['2026-01-31', '2026-02-01', '2026-02-28', '2026-03-01', '2027-02-01'])
    await written(app, { date })
  const list = async (query: string) =>
    (await app.inject({ url: `/api/diaries?${query}`, headers: AS_ANNA })).json<Entry[]>().map(({ date }) => date)
  t.same(await list('page=1&limit=20&month=2026-02'), ['2026-02-28', '2026-02-01'])
  t.same(await list('startDate=2026-02-28'), ['2027-02-01', '2026-03-01', '2026-02-28'])
  t.same(await list('endDate=2026-02-01'), ['2026-02-01', '2026-01-31'])
  t.same(await list('startDate=2026-02-01&endDate=2026-02-27'), ['2026-02-01'])
  t.same(await list('month=2026-02&startDate=2026-02-02'), ['2026-02-28'])
  t.same(await list('startDate=2026-03-02&endDate=2026-03-01'), [])
})

t.test('the newer front end finds, changes and deletes by query, as {success, data}', async (t) => {
  const { app } = await diary(t)
  const get = async (query: string) => (await app.inject({ url: `/api/diaries?${query}`, headers: AS_ANNA })).json()
  t.same(await get('date=2026-11-14'), { success: true, data: null })
  const entry = await written(app)
  t.same(await get('date=2026-11-14'), { success: true, data: entry })
  t.same(await get(`id=${entry.id}`), { success: true, data: entry })
  for (const method of ['PUT', 'PATCH'] as const) {
    const answer = await app.inject({
      method,
      url: `/api/diaries?id=${entry.id}`,
      payload: { content: method },
      headers: AS_ANNA,
    })
    t.match(answer.json(), { success: true, data: { id: entry.id, content: method } })
    t.same(answer.json(), await get('date=2026-11-14'))
  }
  const removal = () => app.inject({ method: 'DELETE', url: `/api/diaries?id=${entry.id}`, headers: AS_ANNA })
  t.match((await removal()).json(), { success: true, data: { id: entry.id } })
  const again = await removal()
  t.equal(again.statusCode, 404)
  t.equal(again.json<ProblemDocument>().error, 'Diary entry not found')
  t.equal((await app.inject({ method: 'DELETE', url: '/api/diaries' })).statusCode, 400)
})

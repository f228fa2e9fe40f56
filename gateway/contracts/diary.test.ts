import t from 'tap'
import { sunset } from '../../scripts/demo/picture.ts'
import { contractClient } from './client.ts'

/** The diary through the gateway, line by line, in the shapes of both generations of clients. */
t.test('the diary keeps its contract through the gateway', async (t) => {
  const { call, gateway, diary } = await contractClient(t)
  const DIARIES = '/api/diaries'
  const png = sunset([30, 60, 120], [240, 160, 90])
  const dataUrl = `data:image/png;base64,${png.toString('base64')}`

  await t.test('an entry: create, read by date and id, update, delete', async (t) => {
    const created = await call('POST', DIARIES, { date: '2026-11-14', content: '첫눈 ❄️', mood: '😊', tags: ['겨울'] })
    t.equal(created.status, 201)
    t.match(created.json, {
      id: /^[\da-f-]{36}$/,
      user_id: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
      date: '2026-11-14',
      content: '첫눈 ❄️',
      mood: '😊',
      weather: null,
      tags: ['겨울'],
      images: [],
      created_at: String,
      updated_at: String,
    })
    const id = String(created.json.id)
    t.same((await call('GET', `${DIARIES}/2026-11-14`)).json, created.json)
    t.same((await call('GET', `${DIARIES}/${id}`)).json, created.json)
    t.equal((await call('POST', DIARIES, { date: '2026-11-14', content: 'again' })).status, 409)
    const missing = await call('POST', DIARIES, { date: '2026-11-15' })
    t.same([missing.status, missing.json.error], [400, 'Date and content are required'])
    t.equal((await call('POST', DIARIES, { date: '2026-02-30', content: 'x' })).status, 400)
    const none = await call('GET', `${DIARIES}/2026-11-13`)
    t.same([none.status, none.json.error], [404, 'Diary entry not found'])

    const kept = await call('PUT', `${DIARIES}/${id}`, { content: '첫눈!', mood: null, date: '2020-01-01' })
    t.match(kept.json, { content: '첫눈!', mood: '😊', tags: ['겨울'], date: '2026-11-14' })
    t.same((await call('PUT', `${DIARIES}/${id}`, { tags: [] })).json.tags, [])
    t.equal((await call('PUT', `${DIARIES}/${id}`, { content: 'x' }, { 'x-user-id': 'other' })).status, 404)
    t.equal((await call('DELETE', `${DIARIES}/${id}`, undefined, { 'x-user-id': 'other' })).status, 404)
    t.equal((await call('DELETE', `${DIARIES}/${id}`)).status, 204)
    t.equal((await call('DELETE', `${DIARIES}/${id}`)).status, 404)
  })

  await t.test('lists are newest first, by page, month and range; search finds words, moods and dates', async (t) => {
    const user = { 'x-user-id': 'list' }
    for (const [date, content, mood] of [
      ['2026-10-31', '호박 수프', 3],
      ['2026-11-02', '바람이 찼다', '😐'],
      ['2026-11-09', '은행나무 길을 걸었다', '😊'],
    ]) {
      t.equal((await call('POST', DIARIES, { date, content, mood }, user)).status, 201)
    }
    const dates = async (path: string) =>
      ((await call('GET', `${DIARIES}${path}`, undefined, user)).json as unknown as { date: string }[]).map(
        (e) => e.date,
      )
    t.same(await dates(''), ['2026-11-09', '2026-11-02', '2026-10-31'])
    t.same(await dates('?page=2&limit=2'), ['2026-10-31'])
    t.same(await dates('?month=2026-11'), ['2026-11-09', '2026-11-02'])
    t.same(await dates('?startDate=2026-10-31&endDate=2026-11-02'), ['2026-11-02', '2026-10-31'])
    t.same(await dates('/search?q=%EC%9D%80%ED%96%89'), ['2026-11-09'])
    t.same(await dates(`/search?mood=${encodeURIComponent('😐')}`), ['2026-11-02'])
    t.same(await dates('/search?mood=3'), ['2026-10-31'])
    t.same(await dates('/search?startDate=2026-11-01&endDate=2026-11-30'), ['2026-11-09', '2026-11-02'])
  })

  await t.test('the newer front end asks by query and gets an envelope', async (t) => {
    t.same((await call('GET', `${DIARIES}?date=2026-12-01`)).json, { success: true, data: null })
    const created = await call('POST', DIARIES, { date: '2026-12-01', content: '달력 한 장' })
    const id = String(created.json.id)
    t.same((await call('GET', `${DIARIES}?date=2026-12-01`)).json, { success: true, data: created.json })
    t.match((await call('PUT', `${DIARIES}?id=${id}`, { content: '한 장 남았다' })).json, {
      success: true,
      data: { id, content: '한 장 남았다' },
    })
    t.match((await call('DELETE', `${DIARIES}?id=${id}`)).json, { success: true })
    t.equal((await call('GET', '/api/diary/diaries')).status, 200)
  })

  await t.test('images come as data URLs or in a form and are given back for an <img>', async (t) => {
    const created = await call('POST', DIARIES, { date: '2026-12-24', content: '노을', images: [dataUrl] })
    t.equal(created.status, 201)
    const [src] = created.json.images as string[]
    const show = async (path: string, headers: Record<string, string> = {}) =>
      await fetch(`${gateway}${path}`, { headers })
    const shown = await show(src as string)
    t.equal(shown.headers.get('content-type'), 'image/png')
    t.equal(shown.headers.get('x-content-type-options'), 'nosniff')
    t.equal(shown.headers.get('content-encoding'), null)
    t.ok(png.equals(Buffer.from(await shown.arrayBuffer())), 'the same bytes')
    const part = await show(src as string, { range: 'bytes=1-3' })
    t.same([part.status, await part.text()], [206, 'PNG'])
    t.equal((await show(src as string, { 'if-none-match': shown.headers.get('etag') as string })).status, 304)

    const form = new FormData()
    form.append('images', new Blob([new Uint8Array(png)]), '../../노을.png')
    const id = String(created.json.id)
    const added = await call('POST', `${DIARIES}/${id}/images`, form)
    t.same([added.status, (added.json.images as string[]).length], [201, 2])
    const svg = new FormData()
    svg.append('images', new Blob(['<svg xmlns="http://www.w3.org/2000/svg"/>']), 'a.png')
    t.equal((await call('POST', `${DIARIES}/${id}/images`, svg)).status, 415)
    const kept = await call('PUT', `${DIARIES}/${id}`, { images: [(added.json.images as string[])[1]] })
    t.equal((kept.json.images as string[]).length, 1)
    t.equal((await show(src as string)).status, 404, 'what was left out is gone')
  })

  await t.test('a client of the earlier generation may still call the diary directly in development', async (t) => {
    const direct = await fetch(`${diary}/api/diaries?limit=1`)
    t.equal(direct.status, 200)
    t.type(await direct.json(), Array)
  })
})

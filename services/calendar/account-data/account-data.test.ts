import t from 'tap'
import { signAssertion } from '#shared/assertion.ts'
import { testService } from '#shared/test/service.ts'
import { calendarProcess } from '../app.ts'

const secret = 'a secret that is long enough, 32+'

t.test('another process gets all data of an account, page by page, and has it deleted; nobody else', async (t) => {
  const { app, database } = await testService(t, calendarProcess, { ACCESS: 'required', INTERNAL_SECRET: secret })
  const exp = Math.floor(Date.now() / 1000) + 30
  const assertion = (sub: string | undefined, role: string) => ({
    'x-najimban-assertion': signAssertion(secret, {
      aud: 'calendar',
      exp,
      ...(sub === undefined ? {} : { sub }),
      tenant: 'default',
      roles: [role],
      rid: 'r',
      ip: '',
    }),
  })
  const process = assertion(undefined, 'service')
  const send = async (sub: string, url: string, payload: object, headers = {}) => {
    const answer = await app.inject({
      method: 'POST',
      url,
      payload,
      headers: { ...assertion(sub, 'viewer'), ...headers },
    })
    t.match(answer.statusCode, /20[01]/, answer.body)
    return answer.json<{ id: string; data: { id: string } }>()
  }
  const times = { start_time: '2026-11-14T09:30', end_time: '2026-11-14T10:30' }
  const { data: event } = await send('anna', '/api/calendar/events', { title: '가족 🎂 שלום', ...times })
  const { id: tag } = await send('anna', '/api/calendar/tags', { name: '나침반', color: '#3B82F6' })
  await send('anna', `/api/calendar/events/${event.id}/tags`, { tagIds: [tag] })
  for (let n = 0; n < 600; n++)
    database?.exec(`INSERT INTO todos (id, user_id, title, date, priority, completed, created_at, updated_at)
    VALUES ('t${n}', 'anna', 'n', '2026-11-14', 'low', 0, '', '')`)
  await send('bora', '/api/calendar/todos', { title: '남의 것', date: '2026-11-14' }, { 'idempotency-key': 'k' })
  await send('anna', '/api/calendar/todos', { title: '한글', date: '2026-11-14' }, { 'idempotency-key': 'k' })

  const get = (url: string, headers = process) => app.inject({ url, headers })
  const files = async () => (await get('/internal/accounts/anna/files')).json<{ files: string[] }>().files
  const lines = async (account: string, name: string) =>
    (await get(`/internal/accounts/${account}/files/${name}`)).body.split('\n').slice(0, -1)
  t.same(await files(), ['events.ndjson', 'tags.ndjson', 'todos.ndjson'])
  const [exported = '{}'] = await lines('anna', 'events.ndjson')
  t.match(JSON.parse(exported), { title: '가족 🎂 שלום', description: null, all_day: false, tag_ids: [tag] })
  t.equal((await lines('anna', 'tags.ndjson')).length, 6)
  t.equal((await lines('anna', 'todos.ndjson')).length, 601)
  t.equal((await get('/internal/accounts/anna/files/constructor')).statusCode, 404)

  for (const other of [assertion('anna', 'admin'), assertion(undefined, 'admin'), assertion('anna', 'viewer')]) {
    t.equal((await get('/internal/accounts/anna/files', other)).statusCode, 403)
    t.equal((await get('/internal/accounts/anna/files/events.ndjson', other)).statusCode, 403)
    t.equal((await app.inject({ method: 'DELETE', url: '/internal/accounts/anna', headers: other })).statusCode, 403)
  }
  for (let n = 0; n < 2; n++) {
    t.equal((await app.inject({ method: 'DELETE', url: '/internal/accounts/anna', headers: process })).statusCode, 204)
  }
  for (const name of await files()) t.same(await lines('anna', name), [], name)
  t.equal((await lines('bora', 'todos.ndjson')).length, 1)
  t.same(database?.prepare('SELECT owner FROM idempotency_keys').all(), [{ owner: 'bora' }])
})

import t from 'tap'
import { signAssertion } from '#shared/assertion.ts'
import { dataUrl, diary, storedFiles, WEBP, type Entry } from '../test/diary.ts'

const secret = 'a secret that is long enough, 32+'

t.test('another process gets the entries and image files of an account, and has them deleted', async (t) => {
  const { app, database, dataDir } = await diary(t, { INTERNAL_SECRET: secret })
  const headers = {
    'x-najimban-assertion': signAssertion(secret, {
      aud: 'diary',
      exp: Math.floor(Date.now() / 1000) + 30,
      tenant: 'default',
      roles: ['service'],
      rid: 'r',
      ip: '',
    }),
  }
  const write = async (user: string, date: string, key = 'k') => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/diaries',
      payload: { date, content: '오늘 😊', images: [dataUrl(WEBP)] },
      headers: { 'x-user-id': user, 'idempotency-key': key },
    })
    t.equal(answer.statusCode, 201, answer.body)
    return answer.json<Entry>()
  }
  const entry = await write('anna', '2026-11-14')
  await write('anna', '2026-11-15', 'k2')
  await write('bora', '2026-11-14')

  const get = (url: string, sent: Record<string, string> = headers) => app.inject({ url, headers: sent })
  const { files } = (await get('/internal/accounts/anna/files')).json<{ files: string[] }>()
  t.equal(files.length, 3)
  t.equal(files[0], 'entries.ndjson')
  const lines = (await get('/internal/accounts/anna/files/entries.ndjson')).body.split('\n')
  t.ok(lines.includes(JSON.stringify(entry)))
  t.equal(lines.length, 3)
  for (const name of files.slice(1)) {
    t.same((await get(`/internal/accounts/anna/files/${name}`)).rawPayload, WEBP, name)
    t.equal((await get(`/internal/accounts/bora/files/${name}`)).statusCode, 404, 'another account has it not')
  }
  for (const name of ['nothing', 'images/../../diary.db', 'images/%2e%2e%2fdiary.db']) {
    t.match((await get(`/internal/accounts/anna/files/${name}`)).statusCode, /40[034]/, name)
  }
  t.equal((await get('/internal/accounts/anna/files', { 'x-user-id': 'anna' })).statusCode, 403, 'not for people')

  t.equal((await storedFiles(dataDir)).size, 3)
  for (let n = 0; n < 2; n++) {
    t.equal((await app.inject({ method: 'DELETE', url: '/internal/accounts/anna', headers })).statusCode, 204)
  }
  t.equal((await storedFiles(dataDir)).size, 1)
  t.same(database?.prepare('SELECT DISTINCT user_id FROM entries').all(), [{ user_id: 'bora' }])
  t.same(database?.prepare('SELECT owner FROM idempotency_keys').all(), [{ owner: 'bora' }])
})

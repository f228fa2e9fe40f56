import Sqlite from 'better-sqlite3'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { until } from '#shared/test/until.ts'
import { firstAdmin, signIn } from './test/accounts.ts'
import { startSystem } from './test/system.ts'

t.setTimeout(120_000)

t.test('an account takes all its data along, and leaves nothing behind', async (t) => {
  const system = await startSystem(t, { ACCESS: 'required' })
  const { gateway } = system
  const admin = await firstAdmin(system)
  const person = { email: 'anna@example.com', password: '바른 말 고운 말 42', name: '안나 🧭' }
  const send = (method: string, url: string, token?: string, body?: object) =>
    fetch(gateway + url, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  t.equal((await send('POST', '/api/auth/signup', undefined, person)).status, 201)
  const { access_token: token } = await signIn(system, person)
  const event = { title: '결혼기념일', start_time: '2026-11-14T09:30', end_time: '2026-11-14T10:30' }
  t.equal((await send('POST', '/api/events', token, event)).status, 201)
  t.equal((await send('POST', '/api/events', admin.access_token, event)).status, 201)
  const pixel = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA='
  const entry = { date: '2026-11-14', content: '비 온 뒤 맑음 ☔', images: [pixel] }
  t.equal((await send('POST', '/api/diaries', token, entry)).status, 201)

  const zip = await send('GET', '/api/auth/me/export', token)
  t.equal(zip.status, 200)
  t.equal(zip.headers.get('content-type'), 'application/zip')
  const file = path.join(t.testdir({}), 'export.zip')
  writeFileSync(file, Buffer.from(await zip.arrayBuffer()))
  const read = (name: string) => execFileSync('unzip', ['-p', file, name]).toString()
  execFileSync('unzip', ['-tq', file])
  t.match(JSON.parse(read('account.json')), {
    email: person.email,
    name: person.name,
    sessions: [{ tenant: 'default' }],
  })
  t.notMatch(read('account.json'), /hash|argon2/)
  const lists = ['memberships', 'sessions', 'passkeys', 'api_keys', 'app_passwords', 'grants']
  for (const name of lists)
    t.ok(Array.isArray((JSON.parse(read('account.json')) as Record<string, unknown>)[name]), name)
  t.match(JSON.parse(read('calendar/events.ndjson')), { title: event.title })
  t.match(JSON.parse(read('diary/entries.ndjson')), { content: entry.content })
  t.equal(execFileSync('unzip', ['-p', file, 'diary/images/*']).toString('base64'), pixel.split(',')[1])

  const gone = await send('DELETE', '/api/auth/me', token, { password: person.password })
  t.equal(gone.status, 204)
  await until('the token to be refused', async () => (await send('GET', '/api/events', token)).status === 401)
  t.equal((await send('POST', '/api/auth/login', undefined, person)).status, 401)
  const left = (await (await send('GET', '/api/events', admin.access_token)).json()) as { count: number }
  t.equal(left.count, 1, "somebody else's event is still there")
  const db = new Sqlite(path.join(system.dataDir, 'identity.db'), { readonly: true })
  t.teardown(() => db.close())
  const count = db.prepare('SELECT count(*) FROM accounts').pluck()
  await until('the account to be gone', () => count.get() === 1)
  t.equal((await send('POST', '/api/auth/signup', undefined, person)).status, 201, 'the address is free again')
})

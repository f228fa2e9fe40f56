import t, { type Test } from 'tap'
import { commonSettings } from './config.ts'
import { openDatabase, type Database } from './database.ts'
import { createServer } from './server.ts'
import { testService } from './test/service.ts'
import { createWrites, IDEMPOTENCY_TABLE } from './writes.ts'

const HOUR_MS = 3_600_000

async function notes(t: Test, env: Record<string, string> = {}) {
  let writes: ReturnType<typeof createWrites> | undefined
  const service = await testService(
    t,
    {
      name: 'calendar',
      settings: commonSettings,
      openDatabase: (config) =>
        openDatabase({
          file: `${config.DATA_DIR}/notes.db`,
          applicationId: 1,
          migrations: [IDEMPOTENCY_TABLE, 'CREATE TABLE notes (text TEXT)'],
        }),
      build: (config, deps) => {
        const db = deps.database as Database
        const made = (writes = createWrites(db, config, deps))
        const app = createServer({ config, ...deps })
        const insert = db.prepare('INSERT INTO notes VALUES (?)')
        app.post('/notes', (request, reply) =>
          made.answer(request, reply, 'me', () => {
            insert.run(JSON.stringify(request.body))
            return { status: 201, body: { count: db.prepare('SELECT count(*) FROM notes').pluck().get() } }
          }),
        )
        app.delete('/notes', (request, reply) =>
          made.answer(request, reply, 'me', () => {
            db.exec('DELETE FROM notes')
            return { status: 204 }
          }),
        )
        return { app, close: made.stop }
      },
    },
    env,
  )
  const post = (key: string, payload: object = {}) =>
    service.app.inject({ method: 'POST', url: '/notes', headers: { 'idempotency-key': key }, payload })
  const age = (hours: number) =>
    service.database?.prepare('UPDATE idempotency_keys SET created_at = created_at - ?').run(hours * HOUR_MS)
  return { ...service, post, age, writes: writes as NonNullable<typeof writes> }
}

t.test('a key is remembered for its time, and then the request is a new one', async (t) => {
  const { post, age } = await notes(t, { IDEMPOTENCY_TTL_HOURS: '24' })
  t.same((await post('k')).json(), { count: 1 })
  age(23)
  const again = await post('k')
  t.same(again.json(), { count: 1 })
  t.equal(again.headers['idempotency-replayed'], 'true')
  age(2)
  const later = await post('k', { another: 'body' })
  t.equal(later.statusCode, 201)
  t.same(later.json(), { count: 2 })
  t.notOk('idempotency-replayed' in later.headers)
})

t.test('keys past their time are swept', async (t) => {
  const { post, age, writes, database } = await notes(t)
  const keys = () => database?.prepare('SELECT key FROM idempotency_keys ORDER BY key').pluck().all()
  await Promise.all(['a', 'b', 'c'].map((key) => post(key)))
  await writes.sweep()
  t.same(keys(), ['a', 'b', 'c'])
  age(25)
  const old = database?.prepare('INSERT INTO idempotency_keys VALUES (?, ?, ?, 201, ?, 0)')
  for (let i = 0; i < 1200; i++) old?.run('me', `old ${i}`, '', '')
  await post('d')
  await writes.sweep()
  t.same(keys(), ['d'], 'all of them, in batches')
})

t.test('an answer without a body is one', async (t) => {
  const { app } = await notes(t)
  const answer = await app.inject({ method: 'DELETE', url: '/notes' })
  t.equal(answer.statusCode, 204)
  t.equal(answer.body, '')
})

t.test('what a key remembers and what it did are stored together or not at all', async (t) => {
  const { post, database } = await notes(t)
  database?.exec(`CREATE TRIGGER full BEFORE INSERT ON idempotency_keys BEGIN SELECT RAISE(ABORT, 'no'); END`)
  t.equal((await post('k')).statusCode, 500)
  t.equal(database?.prepare('SELECT count(*) FROM notes').pluck().get(), 0)
  database?.exec('DROP TRIGGER full')
  t.same((await post('k')).json(), { count: 1 })
})

import t, { type Test } from 'tap'
import { commonSettings } from './config.ts'
import { openDatabase, type Database } from './database.ts'
import { createServer } from './server.ts'
import { testService } from './test/service.ts'
import { createWrites, IDEMPOTENCY_TABLE } from './writes.ts'

const HOUR_MS = 3_600_000

async function notes(t: Test, env: Record<string, string> = {}) {
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
        const writes = createWrites(db, config, deps)
        const app = createServer({ config, ...deps })
        const insert = db.prepare('INSERT INTO notes VALUES (?)')
        app.post('/notes', (request, reply) =>
          writes.answer(request, reply, 'me', () => {
            insert.run(JSON.stringify(request.body))
            return { status: 201, body: { count: db.prepare('SELECT count(*) FROM notes').pluck().get() } }
          }),
        )
        app.delete('/notes', (request, reply) =>
          writes.answer(request, reply, 'me', () => {
            db.exec('DELETE FROM notes')
            return { status: 204 }
          }),
        )
        return { app, close: writes.stop }
      },
    },
    env,
  )
  const post = (key: string, payload: object = {}) =>
    service.app.inject({ method: 'POST', url: '/notes', headers: { 'idempotency-key': key }, payload })
  const age = (hours: number) =>
    service.database?.prepare('UPDATE idempotency_keys SET created_at = created_at - ?').run(hours * HOUR_MS)
  return { ...service, post, age }
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

t.test('all remembered answers past their time are forgotten, however many there are', async (t) => {
  const db = openDatabase({ file: ':memory:', applicationId: 1, migrations: [IDEMPOTENCY_TABLE] })
  const writes = createWrites(db, { WRITE_QUEUE_MAX: 100, WRITE_BATCH_MAX: 100, IDEMPOTENCY_TTL_HOURS: 24 })
  t.teardown(() => {
    writes.stop()
    db.close()
  })
  const remember = db.prepare("INSERT INTO idempotency_keys VALUES ('me', ?, '', 201, '', ?)")
  const keys = db.prepare<[], string>('SELECT key FROM idempotency_keys').pluck()
  for (let i = 0; i < 1200; i++) remember.run(`old-${i}`, Date.now() - 25 * HOUR_MS)
  remember.run('fresh', Date.now() - 23 * HOUR_MS)
  await writes.sweep()
  t.same(keys.all(), ['fresh'])
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

import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { commonSettings } from './config.ts'
import { openDatabase, type Database } from './database.ts'
import { createKeyRotation } from './key-rotation.ts'
import { createKeyring, type Keyring } from './keyring.ts'
import { createLogger } from './logger.ts'
import { createServer } from './server.ts'
import { testService } from './test/service.ts'
import { createWrites, IDEMPOTENCY_TABLE, REMEMBERED_ANSWERS } from './writes.ts'

const HOUR_MS = 3_600_000

async function notes(t: Test, env: Record<string, string> = {}, keyring?: Keyring) {
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
        const writes = createWrites(db, config, { ...deps, ...(keyring === undefined ? {} : { keyring }) })
        const app = createServer({ config, ...deps })
        const insert = db.prepare('INSERT INTO notes VALUES (?)')
        app.post('/notes', (request, reply) =>
          writes.answer(request, reply, 'me', () => {
            insert.run(JSON.stringify(request.body))
            return { status: 201, body: { count: db.prepare('SELECT count(*) FROM notes').pluck().get() } }
          }),
        )
        app.post('/tokens', (request, reply) =>
          writes.answer(
            request,
            reply,
            'me',
            () => ({ status: 201, body: { token: randomBytes(16).toString('hex') } }),
            { sensitive: true },
          ),
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

const KEY = { id: 'a', key: randomBytes(32) }

t.test('a sensitive answer is remembered sealed, with nothing by which to guess the request', async (t) => {
  const { app, database, config } = await notes(t, {}, createKeyring([KEY]))
  const post = (payload: object) =>
    app.inject({ method: 'POST', url: '/tokens', headers: { 'idempotency-key': 'k' }, payload })
  const { token } = (await post({ password: '1234' })).json<{ token: string }>()
  const row = () =>
    database?.prepare('SELECT * FROM idempotency_keys').get() as { body: Buffer; fingerprint: string; status: number }
  t.ok(Buffer.isBuffer(row().body))
  t.notOk(row().body.includes(token))
  t.match(row(), { fingerprint: 'sealed', status: 201 })

  const again = await post({ password: '1234' })
  t.same(again.json(), { token })
  t.equal(again.headers['idempotency-replayed'], 'true')
  t.equal((await post({ password: '1235' })).statusCode, 422)

  const next = createKeyring([{ id: 'b', key: randomBytes(32) }, KEY])
  const writes = createWrites(database as Database, config, { keyring: next })
  t.teardown(() => writes.stop())
  const logger = createLogger('calendar', config)
  const columns = [REMEMBERED_ANSWERS]
  const rotation = createKeyRotation({ db: database as Database, writes, keyring: next, columns, logger })
  t.same(await rotation.run(), { resealed: 1, refused: 0 })
})

t.test('a sealed answer does not open for another key or owner', async (t) => {
  const { app, database } = await notes(t, {}, createKeyring([KEY]))
  const post = (key: string) => app.inject({ method: 'POST', url: '/tokens', headers: { 'idempotency-key': key } })
  t.equal((await post('k')).statusCode, 201)
  database?.exec("UPDATE idempotency_keys SET key = 'other'")
  t.equal((await post('other')).statusCode, 500)
})

t.test('without a keyring there is no sensitive answer, with or without a key', async (t) => {
  const { app } = await notes(t)
  t.equal((await app.inject({ method: 'POST', url: '/tokens' })).statusCode, 500)
})

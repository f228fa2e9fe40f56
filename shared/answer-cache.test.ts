import { openDatabase } from './database.ts'
import { commonSettings, type CommonConfig } from './config.ts'
import { createService } from './service.ts'
import type { Deps } from './start.ts'
import { testService } from './test/service.ts'
import { IDEMPOTENCY_TABLE } from './writes.ts'
import fc from 'fast-check'
import t, { type Test } from 'tap'

/** Notes of users, with a polled list; `reads` counts how often the database was asked. */
async function notes(t: Test, env: Record<string, string> = {}) {
  let reads = 0
  const service = await testService(
    t,
    {
      name: 'calendar',
      settings: commonSettings,
      openDatabase: (config) =>
        openDatabase({
          file: `${config.DATA_DIR}/notes.db`,
          applicationId: 1,
          migrations: [IDEMPOTENCY_TABLE, 'CREATE TABLE notes (owner TEXT, text TEXT)'],
        }),
      build: (config: CommonConfig, deps: Deps) => {
        const { db, writes, app } = createService({ name: 'calendar', title: 'Notes', description: '' }, config, deps)
        void app.register(async (routes: typeof app) => {
          routes.get('/notes', { config: { cached: true, permission: 'calendar.read' } }, async (request) => {
            reads++
            return db.prepare('SELECT text FROM notes WHERE owner = ?').pluck().all(request.caller.user)
          })
          routes.get('/empty', { config: { cached: true, permission: 'calendar.read' } }, async (_request, reply) =>
            reply.code(404).send({}),
          )
          routes.post('/notes', { config: { permission: 'calendar.write' } }, (request, reply) =>
            writes.answer(request, reply, request.caller.user as string, () => {
              const { text } = request.body as { text: string }
              db.prepare('INSERT INTO notes VALUES (?, ?)').run(request.caller.user, text)
              if (text === 'bad') throw new Error('rolled back')
              return { status: 201, body: {} }
            }),
          )
          routes.post(
            '/sweep',
            { config: { permission: 'calendar.write' } },
            async () => await writes.run(() => db.prepare('DELETE FROM notes').run().changes),
          )
        })
        return { app, close: writes.stop }
      },
    },
    env,
  )
  const list = (user = 'a', headers: Record<string, string> = {}, query = '') =>
    service.app.inject({ url: `/notes${query}`, headers: { 'x-user-id': user, ...headers } })
  const add = (text: string, user = 'a') =>
    service.app.inject({ method: 'POST', url: '/notes', payload: { text }, headers: { 'x-user-id': user } })
  /** Asks so often that the answer is kept. */
  async function poll(user = 'a', query = '') {
    await list(user, {}, query)
    return await list(user, {}, query)
  }
  return { ...service, list, poll, add, reads: () => reads }
}

t.test('what is asked once is not kept', async (t) => {
  const { list, reads } = await notes(t)
  for (let n = 0; n < 3; n++) await list('a', {}, `?n=${n}`)
  await list('a', {}, '?n=0')
  t.equal(reads(), 4)
  await list('a', {}, '?n=0')
  t.equal(reads(), 4)
})

t.test('a polled list is kept, and read again after each change of its owner', async (t) => {
  const { list, poll, add, reads } = await notes(t)
  const first = await poll()
  const second = await list()
  t.equal(reads(), 2)
  t.same(
    [second.body, second.headers.etag, second.headers['content-type']],
    [first.body, first.headers.etag, first.headers['content-type']],
  )
  await add('b1', 'b')
  await list()
  t.equal(reads(), 2, "another user's write concerns nobody else")
  await add('a1')
  t.same((await list()).json(), ['a1'])
  t.same((await list('b')).json(), ['b1'], 'owners are kept apart')
  t.equal(reads(), 4)
})

t.test('a kept answer is a 304 for who has it, compressed for who asks, and HEAD of it has no body', async (t) => {
  const { app, list, poll, add, reads } = await notes(t)
  await add('가'.repeat(2000))
  const { etag } = (await poll()).headers
  const same = await list('a', { 'if-none-match': String(etag) })
  t.same([same.statusCode, same.body], [304, ''])
  t.equal((await list('a', { 'accept-encoding': 'gzip' })).headers['content-encoding'], 'gzip')
  t.equal((await list('a', { 'accept-encoding': 'gzip' })).headers['content-encoding'], 'gzip')
  t.equal((await list()).headers['content-encoding'], undefined)
  const head = await app.inject({ method: 'HEAD', url: '/notes', headers: { 'x-user-id': 'a' } })
  t.same([head.statusCode, head.body, head.headers.etag], [200, '', etag])
  t.equal(reads(), 2)
})

t.test('a write without an owner voids everybody, a refused write leaves the truth', async (t) => {
  const { app, list, poll, add } = await notes(t)
  await add('one')
  await poll()
  t.equal((await add('bad')).statusCode, 500)
  t.same((await list()).json(), ['one'])
  await app.inject({ method: 'POST', url: '/sweep' })
  t.same((await list()).json(), [])
})

t.test('only good answers are kept, within the memory allowed', async (t) => {
  const small = await notes(t, { ANSWER_CACHE_MAX_BYTES: '8192' })
  for (let i = 0; i < 40; i++) await small.poll('a', `?n=${i}`)
  await small.list('a', {}, '?n=39')
  t.equal(small.reads(), 80, 'the last is still there')
  await small.list('a', {}, '?n=0')
  t.equal(small.reads(), 81, 'the first had to go')
  await small.app.inject('/empty')
  t.equal((await small.app.inject('/empty')).statusCode, 404)
  const none = await notes(t, { ANSWER_CACHE_MAX_BYTES: '0', DATA_DIR: `${t.testdirName}-none` })
  await none.list()
  await none.list()
  t.equal(none.reads(), 2)
})

t.test('who asks for very many things pushes nobody else out, and keeps the latest', async (t) => {
  const { list, poll, reads } = await notes(t, { ANSWER_CACHE_MAX_BYTES: '16384' })
  const others = ['b', 'c', 'd']
  for (const user of others) await poll(user)
  for (let i = 0; i < 60; i++) await poll('a', `?n=${i}`)
  const before = reads()
  for (const user of others) await list(user)
  for (const n of [57, 58, 59]) await list('a', {}, `?n=${n}`)
  t.equal(reads(), before)
  await list('a', {}, '?n=40')
  t.equal(reads(), before + 1)
})

t.test('no interleaving of reads and writes ever shows a stale list', async (t) => {
  const { list, poll, add } = await notes(t)
  let number = 0
  await poll()
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), async (steps) => {
      const running: Promise<unknown>[] = []
      for (const isWrite of steps) running.push(isWrite ? add(`n${number++}`) : list())
      await Promise.all(running)
      const shown = (await list()).json<string[]>()
      t.equal(shown.length, number)
    }),
    { numRuns: 40 },
  )
})

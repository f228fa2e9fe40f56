import path from 'node:path'
import t, { type Test } from 'tap'
import { openDatabase } from './database.ts'
import { createGroupCommit, type GroupCommitOptions } from './group-commit.ts'
import { Problem } from './problem.ts'

function setUp(t: Test, over: Partial<GroupCommitOptions> = {}) {
  const file = path.join(t.testdir({}), 'notes.db')
  const db = openDatabase({ file, applicationId: 1, migrations: ['CREATE TABLE notes (n INTEGER PRIMARY KEY)'] })
  t.teardown(() => db.close())
  const group = createGroupCommit(db, { maxQueue: 100, maxBatch: 10, ...over })
  const insert = db.prepare('INSERT INTO notes VALUES (?)')
  const write = (n: number) => group.run(() => insert.run(n).changes)
  const stored = () => db.prepare<[], number>('SELECT n FROM notes ORDER BY n').pluck().all()
  return { db, group, write, stored }
}

/** What a refused write throws. */
const problemOf = (write: Promise<unknown>) =>
  write.then(
    () => undefined,
    (error: unknown) => error,
  )

function thrown(error: Error): never {
  throw error
}

t.test('every write is answered with its value, in order, whatever the size of the groups', async (t) => {
  const { write, stored } = setUp(t)
  const numbers = Array.from({ length: 95 }, (_, n) => n)
  t.same(
    await Promise.all(numbers.map(write)),
    numbers.map(() => 1),
  )
  t.same(stored(), numbers)
})

t.test('writes that arrive together share a transaction', async (t) => {
  const { db, write } = setUp(t)
  const framesOf = async (work: () => Promise<unknown>) => {
    db.pragma('wal_checkpoint(TRUNCATE)')
    await work()
    const [state] = db.pragma('wal_checkpoint(PASSIVE)') as { log: number }[]
    return state?.log ?? 0
  }
  // A transaction writes each page that it changed once.
  const together = await framesOf(() => Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(write)))
  const alone = await framesOf(async () => {
    for (const n of [11, 12, 13, 14, 15, 16, 17, 18, 19, 20]) await write(n)
  })
  t.ok(together < 10, `${together} frames`)
  t.ok(alone >= 10, `${alone} frames`)
})

t.test('one that throws, or breaks a constraint, fails alone and leaves nothing', async (t) => {
  const { group, db, write, stored } = setUp(t)
  const results = await Promise.allSettled([
    write(1),
    group.run(() => {
      db.prepare('INSERT INTO notes VALUES (2)').run()
      throw new Problem('conflict')
    }),
    write(1),
    write(3),
  ])
  t.same(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  )
  t.match(results[1], { reason: { statusCode: 409 } })
  t.same(stored(), [1, 3])
})

t.test('a write is on disk when it is answered: another connection sees it', async (t) => {
  const { db, write } = setUp(t)
  await write(1)
  const other = openDatabase({ file: db.name, applicationId: 1, migrations: ['never run'] })
  t.teardown(() => other.close())
  t.same(other.prepare('SELECT n FROM notes').pluck().all(), [1])
})

t.test('when too many wait, one more is refused with 503 and the others are written', async (t) => {
  const { group, write, stored } = setUp(t, { maxQueue: 3 })
  const waiting = [write(1), write(2), write(3)]
  t.equal(group.pending(), 3)
  t.match(await problemOf(write(4)), {
    statusCode: 503,
    problem: 'overloaded',
    options: { headers: { 'retry-after': '1' } },
  })
  await Promise.all(waiting)
  t.same(stored(), [1, 2, 3])
  t.equal(await write(4), 1, 'then there is room again')
})

t.test('a database that is not usable takes no writes', async (t) => {
  let usable = false
  const { write, stored } = setUp(t, { isUsable: () => usable })
  t.match(await problemOf(write(1)), {
    statusCode: 503,
    problem: 'unavailable',
    options: { headers: { 'retry-after': '1' } },
  })
  t.same(stored(), [])
  usable = true
  t.equal(await write(1), 1)
})

t.test('a database that another process holds is 503 with the time to wait', async (t) => {
  const { db, write, stored } = setUp(t)
  db.pragma('busy_timeout = 10')
  const other = openDatabase({ file: db.name, applicationId: 1, migrations: ['never run'] })
  t.teardown(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  t.match(await problemOf(write(1)), { statusCode: 503, options: { headers: { 'retry-after': '1' } } })
  other.exec('ROLLBACK')
  t.equal(await write(2), 1)
  t.same(stored(), [2])
})

t.test('a failed fsync is reported, so that the process can end', async (t) => {
  const { db, stored } = setUp(t)
  const fault = Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_FSYNC' })
  // A disk that fails cannot be had here: only the COMMIT of this connection does.
  const failing = new Proxy(db, {
    get: (target, name) =>
      name === 'prepare'
        ? (sql: string) => (sql === 'COMMIT' ? { run: () => thrown(fault) } : target.prepare(sql))
        : (Reflect.get(target, name) as unknown),
  })
  const failures: unknown[] = []
  const group = createGroupCommit(failing, { maxQueue: 9, maxBatch: 9, onDiskFailure: (error) => failures.push(error) })
  const insert = db.prepare('INSERT INTO notes VALUES (?)')
  const results = await Promise.allSettled([1, 2].map((n) => group.run(() => insert.run(n))))
  t.same(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
    'nobody is told that it is stored',
  )
  t.same(failures, [fault])
  t.same(stored(), [])
})

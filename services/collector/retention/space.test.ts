import Sqlite from 'better-sqlite3'
import { statSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { SQLITE_ONLY } from '../test/collector.ts'
import { createSpace, prepareToShrink } from './space.ts'
import { retaining } from './test/retaining.ts'

const size = (db: Sqlite.Database) => {
  db.pragma('wal_checkpoint(TRUNCATE)')
  return statSync(db.name).size
}

t.test('a run gives the room of what it deleted back to the disk, and says how much', SQLITE_ONLY, async (t) => {
  const { run, ingestOld, database } = await retaining(t)
  for (let n = 0; n < 40; n++) await ingestOld(40, { status: {}, raw: `${n}`.repeat(20_000) })
  const before = size(database)
  const { freedBytes } = (await run()).json<{ freedBytes: number }>()
  t.ok(freedBytes > 500_000, `${freedBytes} bytes`)
  t.ok(before - size(database) > 500_000)
})

t.test('a file of before is rewritten once, when it is small enough, and then gives back, too', async (t) => {
  const db = new Sqlite(path.join(t.testdir({}), 'a.db'))
  t.teardown(() => db.close())
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE a (text TEXT)')
  const fill = () => {
    for (let n = 0; n < 50; n++) db.prepare('INSERT INTO a VALUES (?)').run('x'.repeat(40_000))
  }
  fill()
  db.exec('DELETE FROM a')
  t.same(createSpace(db).free(), { bytes: 0, isMore: false }, 'it keeps its pages')
  const full = size(db)
  t.equal(prepareToShrink(db, full - 1), false)
  t.equal(prepareToShrink(db, full), true)
  t.equal(prepareToShrink(db, full), false)
  fill()
  db.exec('DELETE FROM a')
  const space = createSpace(db)
  const steps = []
  do steps.push(space.free())
  while (steps.at(-1)?.isMore === true)
  t.ok(steps.length > 1, 'in steps')
  t.ok(steps.reduce((sum, { bytes }) => sum + bytes, 0) > 1_900_000)
  t.ok(size(db) < 100_000)
})

t.test('a file that somebody else uses stays as it is', async (t) => {
  const db = new Sqlite(path.join(t.testdir({}), 'a.db'), { timeout: 10 })
  const other = new Sqlite(db.name)
  t.teardown(() => [db.close(), other.close()])
  db.exec('CREATE TABLE a (text TEXT)')
  other.exec('BEGIN IMMEDIATE; INSERT INTO a VALUES (1)')
  t.equal(prepareToShrink(db, 1e9), false)
  other.exec('ROLLBACK')
  t.equal(prepareToShrink(db, 1e9), true)
})

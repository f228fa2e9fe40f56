import { mkdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { DatabaseRefused, isDatabaseUsable, openDatabase, type DatabaseOptions } from './database.ts'

const FIRST = 'CREATE TABLE notes (text TEXT)'
const SECOND = 'ALTER TABLE notes ADD COLUMN stars INTEGER'

const options = (t: Test, over: Partial<DatabaseOptions> = {}): DatabaseOptions => ({
  file: path.join(t.testdir({}), 'notes.db'),
  applicationId: 77,
  migrations: [FIRST],
  ...over,
})

/** What is thrown names the file and says what to do. */
function refused(t: Test, given: DatabaseOptions, ...says: RegExp[]): void {
  let error: unknown
  try {
    openDatabase(given).close()
  } catch (thrown) {
    error = thrown
  }
  t.ok(error instanceof DatabaseRefused, String(error))
  const { message } = error as Error
  t.ok(message.startsWith(`${given.file}: `), message)
  t.notMatch(message, '\n')
  for (const words of says) t.match(message, words)
}

t.test('a new file is marked, migrated and durable: WAL, FULL, foreign keys', async (t) => {
  const given = options(t, { file: path.join(t.testdir({}), 'new', 'folder', 'notes.db') })
  const db = openDatabase(given)
  t.teardown(() => db.close())
  const pragma = (name: string) => db.pragma(name, { simple: true })
  t.equal(pragma('journal_mode'), 'wal')
  t.equal(pragma('synchronous'), 2, 'FULL: a power cut loses nothing that was acknowledged')
  t.equal(pragma('foreign_keys'), 1)
  t.equal(pragma('trusted_schema'), 0)
  t.equal(pragma('application_id'), 77)
  t.equal(pragma('user_version'), 1)
  t.equal(statSync(path.dirname(given.file)).mode & 0o777, 0o700)
})

t.test('what was stored is there at the next start, and new migrations are appended to it', async (t) => {
  const given = options(t)
  const first = openDatabase(given)
  first.exec(`INSERT INTO notes VALUES ('한글')`)
  first.close()
  let runs = 0
  const migrations = [FIRST, SECOND, () => void runs++]
  const second = openDatabase({ ...given, migrations })
  t.same(second.prepare('SELECT * FROM notes').all(), [{ text: '한글', stars: null }])
  t.equal(second.pragma('user_version', { simple: true }), 3)
  second.close()
  openDatabase({ ...given, migrations }).close()
  t.equal(runs, 1, 'each runs once')
})

t.test('a migration that fails leaves the file as the last good one left it', async (t) => {
  const given = options(t)
  t.throws(() => openDatabase({ ...given, migrations: [FIRST, 'INSERT INTO notes VALUES (1); SELECT nonsense'] }))
  const db = openDatabase({ ...given, migrations: [FIRST, SECOND] })
  t.teardown(() => db.close())
  t.equal(db.pragma('user_version', { simple: true }), 2)
  t.same(db.prepare('SELECT * FROM notes').all(), [])
})

t.test('an empty file is refused: it would silently start afresh', async (t) => {
  const given = options(t)
  writeFileSync(given.file, '')
  refused(t, given, /0 bytes/, /restore a backup/)
  t.equal(statSync(given.file).size, 0, 'it is not touched')
})

t.test('a foreign database and a file that is none are refused', async (t) => {
  const foreign = options(t)
  const other = new Sqlite(foreign.file)
  other.exec('CREATE TABLE theirs (x)')
  other.close()
  refused(t, foreign, /another program/, /DATA_DIR/)
  const text = options(t)
  writeFileSync(text.file, 'not a database at all '.repeat(500))
  refused(t, text, /not a SQLite database/)
})

t.test('a damaged file is refused', async (t) => {
  const given = options(t)
  const db = openDatabase(given)
  const insert = db.prepare('INSERT INTO notes VALUES (?)')
  for (let i = 0; i < 500; i++) insert.run('x'.repeat(500))
  db.close()
  const size = statSync(given.file).size
  truncateSync(given.file, Math.floor(size / 2 / 4096) * 4096)
  refused(t, given, /damaged/, /restore a backup/)
})

t.test('a file of a newer version is refused, by numbers', async (t) => {
  const given = options(t)
  openDatabase({ ...given, migrations: [FIRST, SECOND] }).close()
  refused(t, given, /newer version \(schema 2, this one knows 1\)/, /update the program or restore a backup/)
})

t.test('a folder in the place of the file is an error that names it', async (t) => {
  const given = options(t)
  mkdirSync(given.file)
  refused(t, given, /is not a file that can be read/)
})

t.test('leftovers of a crash while the file was made do no harm', async (t) => {
  const given = options(t)
  writeFileSync(`${given.file}.new`, 'half')
  openDatabase(given).close()
  t.throws(() => statSync(`${given.file}.new`))
})

t.test('a database whose file was deleted, moved or swapped is not usable', async (t) => {
  const given = options(t)
  const db = openDatabase(given)
  t.teardown(() => db.close())
  t.equal(await isDatabaseUsable(db), true)
  renameSync(given.file, `${given.file}.moved`)
  t.equal(await isDatabaseUsable(db), false)
  openDatabase({ ...given, file: `${given.file}.other` }).close()
  renameSync(`${given.file}.other`, given.file)
  t.equal(await isDatabaseUsable(db), false, 'another file under its name is not it')
  rmSync(given.file)
  renameSync(`${given.file}.moved`, given.file)
  t.equal(await isDatabaseUsable(db), true, 'it is back')
})

t.test('a database in memory and one that was closed', async (t) => {
  const db = openDatabase(options(t, { file: ':memory:' }))
  t.equal(await isDatabaseUsable(db), true)
  db.close()
  t.equal(await isDatabaseUsable(db), false)
})

import fc from 'fast-check'
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import t, { type Test } from 'tap'
import { commonSettings, readConfig } from './config.ts'
import { openDatabase } from './database.ts'
import { createKeyRotation, type SealedColumn } from './key-rotation.ts'
import { createKeyring, type Keyring } from './keyring.ts'
import { createLogger } from './logger.ts'
import { createWrites, IDEMPOTENCY_TABLE } from './writes.ts'

const OLD = { id: 'old', key: randomBytes(32) }
const FRESH = { id: 'new', key: randomBytes(32) }
const before = createKeyring([OLD])
const both = createKeyring([FRESH, OLD])
const after = createKeyring([FRESH])

const aad = (owner: string, name: string) => ({ table: 'notes', column: 'text_sealed', row: name, owner })
const NOTES: SealedColumn = {
  table: 'notes',
  column: 'text_sealed',
  key: ['owner', 'name'],
  aad: (row) => aad(row.owner as string, row.name as string),
}
const SCHEMA = 'CREATE TABLE notes (owner TEXT, name TEXT, text_sealed BLOB, PRIMARY KEY (owner, name)) WITHOUT ROWID'

const config = readConfig(commonSettings, { NODE_ENV: 'test', LOG_LEVEL: 'fatal' })
const logger = createLogger('calendar', config)

/** A file of notes as one process has it open. */
function notes(t: Test, file = path.join(t.testdir({}), 'notes.db')) {
  const db = openDatabase({ file, applicationId: 1, migrations: [IDEMPOTENCY_TABLE, SCHEMA] })
  const writes = createWrites(db, config)
  const insert = db.prepare('INSERT OR REPLACE INTO notes VALUES (?, ?, ?)')
  const all = db.prepare<[], { owner: string; name: string; text_sealed: Buffer }>('SELECT * FROM notes')
  const close = () => {
    writes.stop()
    db.close()
  }
  t.teardown(close)
  return {
    file,
    db,
    writes,
    close,
    add: (keyring: Keyring, owner: string, name: string, text = `${owner} ${name}`) =>
      insert.run(owner, name, keyring.seal(text, aad(owner, name))),
    rotation: (keyring: Keyring, batch = 10) =>
      createKeyRotation({ db, writes, keyring, columns: [NOTES], logger, batch }),
    /** Whether this ring opens every note, and each says what was put there. */
    opens: (keyring: Keyring) =>
      all.all().every(({ owner, name, text_sealed: sealed }) => {
        return keyring.open(sealed, aad(owner, name)).toString() === `${owner} ${name}`
      }),
  }
}

t.test('after a rotation the old key is not needed any more', async (t) => {
  const { add, rotation, opens } = notes(t)
  for (let i = 0; i < 95; i++) add(i % 3 === 0 ? after : before, i % 2 === 0 ? 'kim' : '이', `note ${i}`)
  const keys = rotation(both)
  t.match(keys.status(), { primary: 'new', left: 63, unknown: 0, running: false })
  t.same(keys.status().keys, [
    { id: 'new', values: 32 },
    { id: 'old', values: 63 },
  ])
  t.same(await keys.run(), { resealed: 63, refused: 0 })
  t.match(keys.status(), { left: 0, unknown: 0, resealed: 63, running: false })
  t.ok(opens(after))
  t.same(await keys.run(), { resealed: 0, refused: 0 }, 'a second run has nothing to do')
})

t.test('a rotation that was interrupted goes on where it was, also in another process', async (t) => {
  const first = notes(t)
  for (let i = 0; i < 100; i++) first.add(before, 'kim', `note ${i}`)
  const cut = first.rotation(both)
  let commits = 0
  first.writes.onCommit(() => {
    if (++commits === 3) void cut.stop()
  })
  t.same(await cut.run(), { resealed: 30, refused: 0 })
  await cut.stop()
  first.close()

  const second = notes(t, first.file)
  t.ok(second.opens(both), 'half rotated, everything opens with both keys')
  const rest = second.rotation(both)
  t.equal(rest.status().left, 70)
  t.same(await rest.run(), { resealed: 70, refused: 0 })
  t.ok(second.opens(after))
})

t.test('runs that are asked for at once are one run', async (t) => {
  const { add, rotation } = notes(t)
  for (let i = 0; i < 25; i++) add(before, 'kim', `note ${i}`)
  const keys = rotation(both)
  const runs = [keys.run(), keys.run()]
  t.equal(keys.status().running, true)
  t.same(await Promise.all(runs), [
    { resealed: 25, refused: 0 },
    { resealed: 25, refused: 0 },
  ])
})

t.test('what is written while a rotation goes on is not undone', async (t) => {
  const { add, rotation, writes, db } = notes(t)
  add(before, 'kim', 'diary', 'first')
  const written = writes.run(() => add(both, 'kim', 'diary', 'second'))
  const run = rotation(both).run()
  await written
  t.same(await run, { resealed: 0, refused: 0 })
  const sealed = db.prepare<[], Buffer>('SELECT text_sealed FROM notes').pluck().get() as Buffer
  t.equal(after.open(sealed, aad('kim', 'diary')).toString(), 'second')
})

t.test('values that do not open stay as they are and hold nothing up', async (t) => {
  const { add, rotation, db } = notes(t)
  for (let i = 0; i < 30; i++) add(before, 'kim', `note ${i}`)
  add(createKeyring([{ id: 'lost', key: randomBytes(32) }]), 'kim', 'a lost key')
  db.prepare("INSERT INTO notes SELECT owner, 'moved', text_sealed FROM notes WHERE name = 'note 1'").run()
  db.prepare("INSERT INTO notes VALUES ('kim', 'empty', NULL), ('kim', 'clear', 'text')").run()
  const keys = rotation(both)
  t.same(await keys.run(), { resealed: 30, refused: 2 })
  t.match(keys.status(), { left: 2, unknown: 1, resealed: 30, refused: 2 })
  t.same(
    db.prepare("SELECT text_sealed FROM notes WHERE name IN ('empty', 'clear') ORDER BY 1").pluck().all(),
    [null, 'text'],
    'and what is not sealed is left alone',
  )
})

t.test('whatever the rows are called and however they are mixed, a rotation brings all of them over', async (t) => {
  const { add, rotation, opens, db } = notes(t)
  const text = fc.string({ unit: 'grapheme', maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(text, text, fc.boolean()), { maxLength: 40, selector: ([a, b]) => `${a}\0${b}` }),
      fc.integer({ min: 1, max: 9 }),
      async (rows, batch) => {
        db.exec('DELETE FROM notes')
        for (const [owner, name, isOld] of rows) add(isOld ? before : after, owner, name)
        const { resealed } = await rotation(both, batch).run()
        return resealed === rows.filter(([, , isOld]) => isOld).length && opens(after)
      },
    ),
    { numRuns: 40 },
  )
})

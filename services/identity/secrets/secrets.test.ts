import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { openDatabase, type Database } from '#shared/database.ts'
import { ConfigError } from '#shared/config.ts'
import { SealRefused } from '#shared/envelope.ts'
import { createKeyring } from '#shared/keyring.ts'
import { migrations } from '../migrations.ts'
import { createSecrets } from './store.ts'

const keyring = createKeyring([{ id: 'a', key: randomBytes(32) }])

function database(t: Test): Database {
  const db = openDatabase({ file: ':memory:', applicationId: 1, migrations })
  t.teardown(() => db.close())
  return db
}

t.test('a secret is made once, is the same at every start, and is stored sealed', async (t) => {
  const db = database(t)
  const pepper = createSecrets(db, keyring).of('pepper')
  t.equal(pepper.length, 32)
  const later = createSecrets(db, keyring)
  t.ok(later.of('pepper').equals(pepper))
  t.notOk(later.of('other').equals(pepper))
  const stored = db.prepare<[], Buffer>('SELECT value_sealed FROM secrets').pluck().all()
  t.equal(stored.length, 2)
  t.notOk(stored.some((sealed) => sealed.includes(pepper)))
})

t.test('a secret whose key is missing is not made anew: that would void what it protects', async (t) => {
  const db = database(t)
  createSecrets(db, keyring).of('pepper')
  const other = createSecrets(db, createKeyring([{ id: 'b', key: randomBytes(32) }]))
  t.throws(() => other.of('pepper'), ConfigError)
  t.equal(db.prepare('SELECT count(*) FROM secrets').pluck().get(), 1)
})

t.test('secrets that changed places do not open', async (t) => {
  const db = database(t)
  const secrets = createSecrets(db, keyring)
  secrets.of('one')
  db.exec("UPDATE secrets SET name = 'two'")
  t.throws(() => secrets.of('two'), SealRefused)
})

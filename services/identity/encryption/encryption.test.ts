import { randomBytes } from 'node:crypto'
import t from 'tap'
import { openDatabase } from '#shared/database.ts'
import type { createKeyRotation, SealedRow } from '#shared/key-rotation.ts'
import { openKeyring } from '#shared/keyring.ts'
import { until } from '#shared/test/until.ts'
import { migrations } from '../migrations.ts'
import { identity, type As, type Identity } from '../test/identity.ts'
import { SEALED_COLUMNS } from './columns.ts'

const ADMIN: As = { user: 'a', role: 'admin', credential: 'session:1' }
const newKey = (id: string) => `${id}:${randomBytes(32).toString('base64')}`

type Status = ReturnType<ReturnType<typeof createKeyRotation>['status']>
const statusOf = async ({ call }: Identity): Promise<Status> =>
  (await call('GET', '/api/admin/encryption', { as: ADMIN })).json<Status>()

/** A value in every sealed column that has none yet, where its feature would have put it. */
async function sealOneOfEach({ config, db, signedUp }: Identity) {
  const { user } = await signedUp()
  const ring = openKeyring(config)
  const rows: Record<string, SealedRow> = {
    totp: { account_id: user },
    oidc_records: { model: 'Grant', id: 'g', expires: 1 },
    mail_outbox: { id: 'm', next: 9e15, created: 1 },
    idempotency_keys: { owner: user, key: 'k', fingerprint: 'sealed', status: 200, created_at: Date.now() },
  }
  for (const { table, column, aad } of SEALED_COLUMNS) {
    const row = rows[table]
    if (row === undefined) continue
    const names = [...Object.keys(row), column]
    const insert = db.prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`)
    insert.run(...Object.values(row), ring.seal('secret', aad(row)))
  }
}

t.test('every sealed column of the schema is rotated, each by its primary key', async (t) => {
  const db = openDatabase({ file: ':memory:', applicationId: 1, migrations })
  t.teardown(() => db.close())
  const columns = db
    .prepare<[], { table: string; name: string; pk: number }>(
      `SELECT m.name AS "table", c.name, c.pk FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'
       ORDER BY c.pk`,
    )
    .all()
  const sealed = columns.filter(({ name }) => name.endsWith('_sealed')).map(({ table, name }) => `${table}.${name}`)
  t.same(
    [...sealed, 'idempotency_keys.body'].sort(),
    SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`).sort(),
  )
  for (const { table, key } of SEALED_COLUMNS) {
    const primary = columns.filter((column) => column.table === table && column.pk > 0).map(({ name }) => name)
    t.same(key, primary, table)
  }
})

t.test('a new primary key takes over at the start, and then the old one is not needed any more', async (t) => {
  const [old, next] = [newKey('old'), newKey('new')]
  const first = await identity(t, { ENCRYPTION_KEYS: old })
  const signing = (await first.call('GET', '/.well-known/jwks.json')).json<object>()
  await sealOneOfEach(first)
  await first.close()
  const { dataDir: DATA_DIR } = first

  const both = await identity(t, { DATA_DIR, ENCRYPTION_KEYS: `${next},${old}` })
  const status = await until('the rotation', async () => {
    const found = await statusOf(both)
    return found.left === 0 && !found.running && found
  })
  t.match(status, { primary: 'new', unknown: 0, refused: 0 })
  t.same(
    status.keys.map(({ id, values }) => [id, values > 0]),
    [
      ['new', true],
      ['old', false],
    ],
  )
  await both.close()
  const after = await identity(t, { DATA_DIR, ENCRYPTION_KEYS: next })
  const ring = openKeyring(after.config)
  for (const { table, column, aad } of SEALED_COLUMNS) {
    const rows = after.db.prepare<[], SealedRow>(`SELECT * FROM ${table}`).all()
    t.ok(rows.length > 0, table)
    for (const row of rows) t.ok(ring.open(row[column] as Buffer, aad(row)).length > 0, table)
  }
  t.same((await after.call('GET', '/.well-known/jwks.json')).json(), signing)
  t.match(await statusOf(after), { left: 0, unknown: 0 })
})

t.test('a rotation can be asked for, and says how far it is', async (t) => {
  const service = await identity(t)
  const answer = await service.call('POST', '/api/admin/encryption/rotate', { as: ADMIN })
  t.equal(answer.status, 202, answer.text)
  t.match(answer.json(), { left: 0, unknown: 0, running: true })
  t.equal(answer.headers['cache-control'], 'no-store')
  await until('its end', async () => !(await statusOf(service)).running)
})

t.test('without the key that sealed its secrets the service does not start', async (t) => {
  const first = await identity(t, { ENCRYPTION_KEYS: newKey('old') })
  await first.close()
  const { dataDir: DATA_DIR } = first
  await t.rejects(identity(t, { DATA_DIR, ENCRYPTION_KEYS: newKey('new') }), {
    message: /ENCRYPTION_KEYS lacks the key "old"/,
  })
})

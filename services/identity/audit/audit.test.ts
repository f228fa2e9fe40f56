import Sqlite from 'better-sqlite3'
import fc from 'fast-check'
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { AuditRow } from '#shared/audit/row.ts'
import { openKeyring } from '#shared/keyring.ts'
import { until } from '#shared/test/until.ts'
import { identity, process, type Identity } from '../test/identity.ts'
import { GENESIS, hashOf, type StoredRow } from './chain.ts'
import { verifyAudit } from './verify.ts'

interface Listed {
  entries: (Omit<AuditRow, 'time' | 'detail'> & { seq: number; time: string; detail: object | null })[]
  next_cursor?: string
}

const rowAt = (n: number, more: Partial<AuditRow> = {}): AuditRow => ({
  id: `test-${n}`,
  time: 1_700_000_000_000 + n,
  service: 'calendar',
  request_id: `r-${n}`,
  event: 'POST /api/calendar/events',
  actor: 'account:anna',
  credential: 'session:s1',
  tenant: 'default',
  ip: '192.0.2.7',
  user_agent: null,
  method: 'POST',
  path: '/api/calendar/events',
  permission: 'calendar.write',
  status: 201,
  result: 'allowed',
  target: null,
  detail: null,
  ...more,
})

const hand = (service: Identity, rows: AuditRow[]) =>
  service.call('POST', '/internal/audit', { as: process, body: { rows } })

const auditor = { role: 'auditor', user: 'auditor', credential: 'session:a' } as const
const list = async ({ call }: Identity, query = '', caller: object = auditor) =>
  (await call('GET', `/api/audit${query}`, { as: caller })).json<Listed>()

/** The log as it lies on disk after a stop, in a folder of its own for whoever wants to spoil it. */
async function stopped(t: Test, count: number) {
  const service = await identity(t, { AUDIT_CHECKPOINT_MS: '60000' })
  await hand(
    service,
    Array.from({ length: count }, (_, n) => rowAt(n)),
  )
  const keyring = openKeyring(service.config)
  await service.close()
  let copies = 0
  return {
    keyring,
    dataDir: service.dataDir,
    copy() {
      const folder = path.join(service.dataDir, '..', `copy-${copies++}`)
      mkdirSync(folder)
      for (const name of ['identity.db', 'audit.checkpoint', 'encryption.keys'])
        copyFileSync(path.join(service.dataDir, name), path.join(folder, name))
      const db = new Sqlite(path.join(folder, 'identity.db'))
      for (const trigger of ['audit_is_not_changed', 'audit_is_not_deleted']) db.exec(`DROP TRIGGER ${trigger}`)
      return { db, folder, verify: () => verifyAudit(db, folder, keyring) }
    },
  }
}

t.test('requests that change something, refusals and sign-ins are one row each, reads are none', async (t) => {
  const service = await identity(t)
  const { call, signedUp, signedIn } = service
  const person = await signedUp()
  const { as: caller } = await signedIn(person)
  await call('GET', '/api/auth/sessions', { as: caller })
  await call('POST', '/api/auth/login', { body: { email: person.email, password: 'a wrong password' } })
  await call('GET', '/api/admin/clients', {
    as: caller,
    headers: { 'x-request-id': 'rid-7', 'user-agent': 'curl/8 한글'.replace(/[^\x20-\x7e]/g, '?') },
  })
  await call('GET', '/internal/revocations', { as: process })
  await call('GET', '/internal/revocations', { as: caller })
  const { entries } = await list(service)
  t.same(
    entries.map(({ event, result }) => `${event} ${result}`),
    [
      'GET /internal/revocations refused',
      'GET /api/admin/clients refused',
      'login.failed refused',
      'login.succeeded allowed',
    ],
  )
  t.match(entries[1], {
    request_id: 'rid-7',
    actor: `account:${person.user}`,
    credential: caller.credential,
    tenant: 'default',
    ip: '192.0.2.7',
    user_agent: 'curl/8 ??',
    permission: 'identity.admin',
    status: 403,
    service: 'identity',
    method: 'GET',
    path: '/api/admin/clients',
  })
  t.match(entries[2], { actor: 'anonymous', target: `account:${person.user}` })
  const text = JSON.stringify(entries)
  for (const secret of [person.password, 'a wrong password', person.email]) t.notOk(text.includes(secret), 'no secrets')
  const again = await list(service)
  t.match(again.entries[0], { event: 'GET /api/audit', actor: 'account:auditor' }, 'who reads the log is in it')
})

t.test('a sign-in is in the log of the tenant that it is for', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp({ tenant: 'teamA' })
  await service.signedIn(person)
  const seen = async (tenant: string) =>
    (await list(service, '?event=login', { ...auditor, tenant })).entries.map(({ event }) => event)
  t.same(await seen('teamA'), ['login.succeeded'])
  t.same(await seen('default'), [])
})

t.test('rows of other processes are added once, in their order, and only processes hand them in', async (t) => {
  const service = await identity(t)
  t.equal((await hand(service, [rowAt(1), rowAt(2)])).status, 204)
  t.equal((await hand(service, [rowAt(2), rowAt(3)])).status, 204)
  t.same(
    (await list(service)).entries.map(({ id }) => id),
    ['test-3', 'test-2', 'test-1'],
  )
  for (const caller of [{}, { role: 'admin', user: 'x', credential: 'session:s' } as const]) {
    t.equal((await service.call('POST', '/internal/audit', { as: caller, body: { rows: [rowAt(4)] } })).status, 403)
  }
  t.equal((await service.call('POST', '/internal/audit', { as: process, body: { rows: [{ id: 'x' }] } })).status, 400)
})

t.test('auditors find rows of their own tenant by every filter, in pages', async (t) => {
  const service = await identity(t)
  const special = {
    event: 'key.revoked',
    actor: 'account:bora',
    target: 'key:k1',
    result: 'failed',
    service: 'diary',
    ip: '2001:db8::1',
    detail: '{"reason":"lost"}',
  } as const
  await hand(service, [rowAt(1), rowAt(2, special), rowAt(3, { tenant: 'teamA' }), rowAt(4)])
  const ids = async (query: string, caller: object = auditor) =>
    (await list(service, query, caller)).entries.map(({ id }) => id)
  for (const query of [
    'event=key',
    'event=key.revoked',
    'actor=account:bora',
    'target=key:k1',
    'result=failed',
    'service=diary',
    'ip=2001:db8::1',
    'request_id=r-2',
  ]) {
    t.same(await ids(`?${query}`), ['test-2'], query)
  }
  t.match((await list(service, '?event=key')).entries[0], { detail: { reason: 'lost' } })
  const at = (n: number) => encodeURIComponent(new Date(1_700_000_000_000 + n).toISOString())
  t.same(await ids(`?from=${at(2)}&to=${at(4)}`), ['test-4', 'test-2'])
  t.same(await ids(`?to=${at(4)}`, { ...auditor, tenant: 'teamA' }), ['test-3'])
  const first = await list(service, `?to=${at(4)}&limit=2`)
  t.same(await ids(`?to=${at(4)}&limit=2&cursor=${first.next_cursor}`), ['test-1'])
  for (const wrong of [
    'limit=0',
    'limit=1001',
    'from=x',
    `from=${at(2)}&to=${at(1)}`,
    'result=x',
    'cursor=x',
    'service=x',
  ]) {
    t.equal((await service.call('GET', `/api/audit?${wrong}`, { as: auditor })).status, 400, wrong)
  }
  t.equal((await service.call('GET', '/api/audit', { as: { ...auditor, role: 'operator' } })).status, 403)
  const exported = (await service.call('GET', `/api/audit/export?to=${at(4)}`, { as: auditor })).text
  t.same(
    exported
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { id: string }).id),
    ['test-1', 'test-2', 'test-4'],
  )
})

t.test('an export holds one page at a time and lets others work', async (t) => {
  const service = await identity(t)
  for (let n = 0; n < 6000; n += 500)
    await hand(
      service,
      Array.from({ length: 500 }, (_, i) => rowAt(n + i)),
    )
  const { text } = await service.call('GET', `/api/audit/export?to=${new Date(1_700_000_100_000).toISOString()}`, {
    as: auditor,
  })
  const ids = text
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { id: string }).id)
  t.same(
    ids,
    Array.from({ length: 6000 }, (_, n) => `test-${n}`),
  )
})

t.test('an untouched log is as it was written, also while rows are added after the checkpoint', async (t) => {
  const { dataDir, keyring, copy } = await stopped(t, 30)
  t.same(copy().verify(), { rows: 30, first: 1, last: 30, faults: [] })
  const service = await identity(t, { DATA_DIR: dataDir, AUDIT_CHECKPOINT_MS: '60000' })
  await hand(service, [rowAt(100)])
  t.same(verifyAudit(service.db, dataDir, keyring).faults, [])
})

t.test('any single row that is edited, deleted, put elsewhere, added or cut off is found', async (t) => {
  const { copy } = await stopped(t, 12)
  const columns = ['id', 'time', 'event', 'actor', 'tenant', 'ip', 'path', 'status', 'result', 'detail'] as const
  const row = fc.integer({ min: 1, max: 12 })
  const deed = fc.oneof(
    fc.record({ deed: fc.constant('edit' as const), row, column: fc.constantFrom(...columns) }),
    fc.record({ deed: fc.constant('delete' as const), row }),
    fc.record({ deed: fc.constant('swap' as const), row: fc.integer({ min: 1, max: 11 }) }),
    fc.record({ deed: fc.constant('cut' as const), row }),
    fc.record({ deed: fc.constant('insert' as const), row }),
    fc.record({ deed: fc.constant('rewrite' as const), row }),
    fc.record({ deed: fc.constant('behead' as const), row }),
  )
  await fc.assert(
    fc.asyncProperty(deed, async (what) => {
      const { db, folder, verify } = copy()
      const all = db.prepare<[], StoredRow>('SELECT * FROM audit ORDER BY seq').all()
      const rechain = (from: number) => {
        let hash =
          from === 1
            ? GENESIS
            : (db.prepare<[number], { hash: Buffer }>('SELECT hash FROM audit WHERE seq = ?').get(from - 1)
                ?.hash as Buffer)
        for (const one of db
          .prepare<[number], StoredRow>('SELECT * FROM audit WHERE seq >= ? ORDER BY seq')
          .all(from)) {
          hash = hashOf(hash, one)
          db.prepare('UPDATE audit SET hash = ? WHERE seq = ?').run(hash, one.seq)
        }
      }
      if (what.deed === 'edit') {
        const value = what.column === 'time' || what.column === 'status' ? 7 : 'edited'
        db.prepare(`UPDATE audit SET ${what.column} = ? WHERE seq = ?`).run(value, what.row)
      } else if (what.deed === 'delete') db.prepare('DELETE FROM audit WHERE seq = ?').run(what.row)
      else if (what.deed === 'cut') db.prepare('DELETE FROM audit WHERE seq >= ?').run(what.row)
      else if (what.deed === 'insert') {
        db.prepare('UPDATE audit SET seq = seq + 100 WHERE seq >= ?').run(what.row)
        db.prepare('UPDATE audit SET seq = seq - 99 WHERE seq > 100').run()
        db.prepare(
          "INSERT INTO audit SELECT ?, 'new', time, service, request_id, event, actor, credential, tenant, ip, user_agent, method, path, permission, status, result, target, detail, hash FROM audit LIMIT 1",
        ).run(what.row)
        rechain(1)
      } else if (what.deed === 'rewrite') {
        // Somebody who knows how the chain is made, but has not the key of the checkpoint.
        db.prepare("UPDATE audit SET actor = 'account:innocent' WHERE seq = ?").run(what.row)
        rechain(what.row)
      } else if (what.deed === 'behead') {
        const { seq, hash } = all[what.row - 1] as StoredRow
        db.prepare('UPDATE audit_anchor SET seq = ?, hash = ?').run(seq, hash)
        db.prepare('DELETE FROM audit WHERE seq <= ?').run(seq)
      } else {
        db.prepare('UPDATE audit SET seq = 0 WHERE seq = ?').run(what.row)
        db.prepare('UPDATE audit SET seq = ? WHERE seq = ?').run(what.row, what.row + 1)
        db.prepare('UPDATE audit SET seq = ? WHERE seq = 0').run(what.row + 1)
      }
      const { faults } = verify()
      db.close()
      rmSync(folder, { recursive: true })
      if (faults.length === 0) throw new Error(`not found: ${JSON.stringify(what)}`)
    }),
    { numRuns: 120 },
  )
})

t.test(
  'a checkpoint that is missing or made with another key is a fault, and a start says so and keeps it',
  async (t) => {
    const { copy, keyring } = await stopped(t, 5)
    const gone = copy()
    rmSync(path.join(gone.folder, 'audit.checkpoint'))
    t.same(gone.verify().faults, ['the checkpoint is missing'])
    const forged = copy()
    writeFileSync(path.join(forged.folder, 'audit.checkpoint'), '{"seq":3}')
    t.match(forged.verify().faults, [/not written with a key of the keyring/])

    const cut = copy()
    cut.db.prepare('DELETE FROM audit WHERE seq > 3').run()
    t.same(cut.verify().faults, ['the end is cut off: rows 4 to 5 are missing'])
    cut.db.close()
    const service = await identity(t, { DATA_DIR: cut.folder })
    t.ok(existsSync(path.join(cut.folder, 'audit.checkpoint.contradicted')))
    const { entries } = await list(service, '?event=audit.contradicted')
    t.match(entries, [{ detail: { fault: 'rows 4 to 5 are cut off' }, actor: 'process:identity' }])
    t.match(verifyAudit(service.db, cut.folder, keyring).faults, [/did not fit its checkpoint at an earlier start/])
  },
)

t.test('retention takes old rows from the beginning, and what is left still verifies', async (t) => {
  const service = await identity(t, { AUDIT_LOG_RETAIN_DAYS: '30' })
  const now = Date.now()
  const day = 86_400_000
  for (let n = 0; n < 1200; n += 400) {
    await hand(
      service,
      Array.from({ length: 400 }, (_, i) => rowAt(n + i, { time: now - 40 * day + n + i })),
    )
  }
  await hand(service, [rowAt(5000, { time: now }), rowAt(5001, { time: now - 40 * day }), rowAt(5002, { time: now })])
  const { dataDir, config } = service
  await service.close()
  const again = await identity(t, { DATA_DIR: dataDir, AUDIT_LOG_RETAIN_DAYS: '30' })
  const retained = await until('the run of retention', async () => {
    const { entries } = await list(again, '?event=audit.retained')
    return entries[0]
  })
  t.match(retained, { detail: { deleted: 1200 }, actor: 'process:identity' })
  const { entries } = await list(again, '?event=POST')
  t.same(
    entries.map(({ id }) => id),
    ['test-5002', 'test-5000', 'test-5001'],
    'a row behind a younger one stays until that one goes',
  )
  await again.close()
  const third = await identity(t, { DATA_DIR: dataDir })
  t.same(verifyAudit(third.db, dataDir, openKeyring(config)).faults, [])
  t.throws(() => third.db.exec('DELETE FROM audit'), /only added to/)
  t.throws(() => third.db.exec("UPDATE audit SET actor = 'x'"), /only added to/)
})

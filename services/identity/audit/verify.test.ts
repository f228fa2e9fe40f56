import Sqlite from 'better-sqlite3'
import fc from 'fast-check'
import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { AuditRow } from '#shared/audit/row.ts'
import { openKeyring } from '#shared/keyring.ts'
import { until } from '#shared/test/until.ts'
import { identity, type Identity } from '../test/identity.ts'
import { GENESIS, hashOf, type StoredRow } from './chain.ts'
import { pointOf, writeCheckpoint } from './checkpoint.ts'
import { createAuditStore } from './store.ts'
import { hand, rowAt } from './test/rows.ts'
import { verifyAudit } from './verify.ts'

interface Listed {
  entries: (Omit<AuditRow, 'time' | 'detail'> & { seq: number; time: string; detail: object | null })[]
  next_cursor?: string
}

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

t.test('an untouched log is as it was written, also while the service runs and before it has settled', async (t) => {
  const { dataDir, keyring, copy } = await stopped(t, 30)
  t.same(copy().verify(), { rows: 30, first: 1, last: 30, faults: [], contradictions: [] })
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
    fc.record({ deed: fc.constant('append' as const), row }),
    fc.record({ deed: fc.constant('empty' as const), row }),
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
      } else if (what.deed === 'append') {
        const { hash: end } = all.at(-1) as StoredRow
        const forged = { ...(all[what.row - 1] as StoredRow), id: 'forged', seq: all.length + 1 }
        createAuditStore(db).append({ seq: all.length, hash: end }, [{ ...forged, hash: hashOf(end, forged) }])
      } else if (what.deed === 'empty') {
        db.prepare('DELETE FROM audit').run()
        if (what.row > 6) rmSync(path.join(folder, 'audit.checkpoint'))
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
    { numRuns: 150 },
  )
})

t.test('a row that another program adds to the running log is found before anything is added to it', async (t) => {
  const service = await identity(t)
  await hand(service, [rowAt(1), rowAt(2)])
  const store = createAuditStore(service.db)
  const head = store.head()
  store.append(head, store.chained(head, [rowAt(3, { actor: 'account:innocent' })]))
  t.equal((await hand(service, [rowAt(4)])).status, 500, 'whoever hands it in tries again')
  t.equal((await hand(service, [rowAt(4)])).status, 204)
  const { entries } = await list(service, '?event=audit.contradicted')
  t.match(entries, [{ detail: { fault: /row 3 is not the last one, 2/ } }])
  t.match(verifyAudit(service.db, service.dataDir, openKeyring(service.config)).faults, [
    /was another one than written/,
  ])
})

t.test('a stop between the checkpoint and the rows that it announces is no fault', async (t) => {
  const { keyring, copy } = await stopped(t, 5)
  const { db, folder, verify } = copy()
  const store = createAuditStore(db)
  const [end] = store.chained(store.head(), [rowAt(9)])
  await writeCheckpoint(path.join(folder, 'audit.checkpoint'), keyring, {
    end: pointOf(end as StoredRow),
    before: pointOf(store.head()),
    anchor: pointOf(store.anchor()),
    time: 0,
  })
  t.same(verify().faults, [])
  store.append(store.head(), [end as StoredRow])
  t.same(verify().faults, [], 'nor one after them')
  db.close()
  const service = await identity(t, { DATA_DIR: folder })
  t.same((await list(service, '?event=audit')).entries, [])
})

t.test('rows that cannot be announced are not written, and are taken when they can', async (t) => {
  const service = await identity(t)
  await hand(service, [rowAt(1)])
  await until('the checkpoint', () => existsSync(path.join(service.dataDir, 'audit.checkpoint')))
  mkdirSync(path.join(service.dataDir, 'audit.checkpoint.new'))
  t.equal((await hand(service, [rowAt(2)])).status, 500)
  t.equal((await list(service, '?request_id=r-2')).entries.length, 0)
  rmSync(path.join(service.dataDir, 'audit.checkpoint.new'), { recursive: true })
  t.equal((await hand(service, [rowAt(2)])).status, 204)
  t.equal((await list(service, '?request_id=r-2')).entries.length, 1)
})

t.test('a checkpoint of an older key is good, and comes under the first one at a start', async (t) => {
  const service = await identity(t)
  await hand(service, [rowAt(1)])
  await service.close()
  const [old] = readFileSync(path.join(service.dataDir, 'encryption.keys'), 'utf8').trim().split('\n')
  const keys = `new:${randomBytes(32).toString('base64')},${old}`
  const again = await identity(t, { DATA_DIR: service.dataDir, ENCRYPTION_KEYS: keys })
  t.same((await list(again, '?event=audit')).entries, [])
  await again.close()
  const { key } = JSON.parse(readFileSync(path.join(service.dataDir, 'audit.checkpoint'), 'utf8')) as { key: string }
  t.equal(key, 'new')
})

t.test(
  'a checkpoint that is missing or made with another key is a fault, and a start says so and keeps it',
  async (t) => {
    const { copy, keyring } = await stopped(t, 5)
    const gone = copy()
    rmSync(path.join(gone.folder, 'audit.checkpoint'))
    t.same(gone.verify().faults, ['the checkpoint is missing'])
    gone.db.close()
    const after = await identity(t, { DATA_DIR: gone.folder })
    t.match((await list(after, '?event=audit.contradicted')).entries, [
      { detail: { fault: 'the checkpoint is missing' } },
    ])
    t.match(verifyAudit(after.db, gone.folder, keyring).faults, [/was another one than written before/])
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
    const fault = 'the end is cut off: rows 4 to 5 are missing'
    t.match(entries, [{ detail: { fault }, actor: 'process:identity' }])
    const verdict = verifyAudit(service.db, cut.folder, keyring)
    t.match(verdict.faults, [/was another one than written before/])
    rmSync(path.join(cut.folder, 'audit.checkpoint.contradicted'))
    t.match(verifyAudit(service.db, cut.folder, keyring), { faults: [], contradictions: [4] }, 'somebody has looked')
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

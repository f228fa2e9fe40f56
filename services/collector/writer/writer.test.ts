import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { asTenant } from '#shared/scope.ts'
import { collector } from '../test/collector.ts'
import { entryAfter, writing } from './test/writing.ts'

const TENANT = asTenant('default')
const item = (raw: unknown = randomUUID()) => ({ tenantId: TENANT, text: JSON.stringify({ status: {}, raw }) })

async function refuses(t: Test, write: Promise<unknown>, problem: object) {
  t.match(await write.catch((error: unknown) => error), problem)
}

t.test('what comes together is one transaction, and what is answered can be read', async (t) => {
  const { writer, count } = await writing(t)
  const answers = Array.from({ length: 40 }, () => writer.ingest([item(), item()]))
  t.equal(writer.pending(), 80)
  for (const answer of answers)
    t.match(await answer, [{ value: { status: 'stored' } }, { value: { status: 'stored' } }])
  t.equal(count(), 80)
  t.equal(writer.pending(), 0)
})

t.test('a report that cannot be stored fails alone', async (t) => {
  const { writer, database, count } = await writing(t)
  database.exec(`CREATE TRIGGER no BEFORE INSERT ON reports WHEN NEW.report LIKE '%poison%'
                 BEGIN SELECT RAISE(ABORT, 'no'); END`)
  const [one, other, third] = await Promise.all([
    writer.ingest([item()]),
    writer.ingest([item('poison'), item()]),
    writer.ingest([item()]),
  ])
  t.match(one, [{ value: { status: 'stored' } }])
  t.match(other, [{ failure: { message: 'no' } }, { value: { status: 'stored' } }])
  t.match(third, [{ value: { status: 'stored' } }])
  t.equal(count(), 3)
  const counted = database.prepare('SELECT sum(reports) FROM report_hours').pluck().get()
  t.equal(counted, 3, 'and so do the counts')
})

t.test('beyond its bounds the queue refuses with 503 and Retry-After; one write always finds room', async (t) => {
  const refused = { problem: 'overloaded', options: { headers: { 'retry-after': '1' } } }
  const byCount = await writing(t, { WRITE_QUEUE_MAX: '3' })
  const large = byCount.writer.ingest([item(), item(), item(), item()])
  await refuses(t, byCount.writer.ingest([item()]), refused)
  t.equal((await large).length, 4)
  t.equal((await byCount.writer.ingest([item()])).length, 1)

  const byBytes = await writing(t, { WRITE_QUEUE_MAX_BYTES: '1024' })
  const half = byBytes.writer.ingest([item('x'.repeat(512))])
  const tooMuch = byBytes.writer.ingest([item('x'.repeat(512))])
  await refuses(t, tooMuch, refused)
  t.match(await half, [{ value: { status: 'stored' } }])
})

t.test('without its database nothing is written', async (t) => {
  const { writer, setUsable } = await writing(t)
  setUsable(false)
  await refuses(t, writer.ingest([item()]), { problem: 'unavailable' })
  await refuses(t, writer.run('removeAuditBefore', 0, 1), { problem: 'unavailable' })
  setUsable(true)
})

t.test('a stop writes what still waits, and takes nothing more', async (t) => {
  const { writer, count } = await writing(t)
  const waiting = Array.from({ length: 30 }, () => writer.ingest([item()]))
  await writer.stop()
  t.equal((await Promise.all(waiting)).length, 30)
  t.equal(count(), 30)
  await refuses(t, writer.ingest([item()]), { problem: 'unavailable' })
})

t.test('a writer that dies answers 503 for what it was doing, and another one goes on', async (t) => {
  const folder = t.testdir({})
  const died = path.join(folder, 'died')
  const entry = entryAfter(
    folder,
    `parentPort.on('message', () => {
       if (existsSync(${JSON.stringify(died)})) return
       writeFileSync(${JSON.stringify(died)}, '')
       throw new Error('it dies')
     })`,
  )
  const { writer, count } = await writing(t, { DATA_DIR: path.join(folder, 'data') }, entry)
  const lost = writer.ingest([item()])
  await new Promise((resolve) => setImmediate(resolve))
  const waiting = writer.ingest([item()])
  await refuses(t, lost, { problem: 'unavailable', options: { headers: { 'retry-after': '1' } } })
  t.ok(existsSync(died))
  t.match(await waiting, [{ value: { status: 'stored' } }], 'what waited goes to the next one')
  t.equal(count(), 1)
})

t.test('this thread never writes: its connection refuses to', async (t) => {
  const { app, ask } = await collector(t)
  t.equal((await ask('/ingest/qc', { method: 'POST', payload: { status: {} } })).statusCode, 201)
  t.ok(app)
  const { openForReading } = await import('../migrations.ts')
  const db = openForReading({ DATA_DIR: t.testdir({}), RETENTION_VACUUM_MAX_BYTES: 0 })
  t.throws(() => db.exec("INSERT INTO schemas VALUES ('a', 'b', 1, '', 0)"), { code: 'SQLITE_READONLY' })
  db.close()
})

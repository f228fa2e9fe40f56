import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { Registry } from 'prom-client'
import { readConfig, commonSettings, type CommonConfig } from '../config.ts'
import { createLogger } from '../logger.ts'
import { until } from '../test/until.ts'
import { createRecorder, type Deliver } from './recorder.ts'
import type { AuditRow } from './row.ts'

/** A recorder whose rows go to `deliver`, in the folder of the test. */
function recorder(t: Test, deliver: Deliver, env: Record<string, string> = {}) {
  const config = readConfig<CommonConfig>(commonSettings, { DATA_DIR: t.testdirName, LOG_LEVEL: 'fatal', ...env })
  const registry = new Registry()
  const logger = createLogger('calendar', config)
  return { ...createRecorder({ service: 'calendar', config, deliver, registry, logger }), registry, config }
}

const spoolOf = (t: Test) => path.join(t.testdirName, 'audit-spool', 'calendar.ndjson')
const eventsOf = (rows: readonly AuditRow[]) => rows.map(({ event }) => event)

t.test('rows are delivered in their order, in batches of a size', async (t) => {
  t.testdir({})
  const batches: string[][] = []
  const { note, flush } = recorder(t, async (rows) => void batches.push(eventsOf(rows)), { AUDIT_SHIP_MAX: '2' })
  for (const event of ['a', 'b', 'c', 'd', 'e']) note(event, {})
  await flush()
  t.same(batches.flat(), ['a', 'b', 'c', 'd', 'e'])
  t.ok(batches.every((batch) => batch.length <= 2))
  t.notOk(existsSync(spoolOf(t)))
})

t.test(
  'what cannot be delivered waits on disk, also for the next process, and goes before anything newer',
  async (t) => {
    t.testdir({})
    const arrived: AuditRow[] = []
    let away = true
    const deliver: Deliver = async (rows) => {
      if (away) throw new Error('away')
      arrived.push(...rows)
    }
    const first = recorder(t, deliver)
    first.note('a', { n: 1 })
    await first.flush()
    first.note('b', {})
    await first.flush()
    t.equal(readFileSync(spoolOf(t), 'utf8').split('\n').length, 3)

    const second = recorder(t, deliver)
    second.note('c', {})
    away = false
    await second.flush()
    t.same(eventsOf(arrived), ['a', 'b', 'c'])
    t.equal(new Set(arrived.map(({ id }) => id)).size, 3)
    t.notOk(existsSync(spoolOf(t)))
  },
)

t.test('a process that has nothing new to say still delivers what the one before has left', async (t) => {
  t.testdir({})
  const first = recorder(t, () => Promise.reject(new Error('away')))
  first.note('left', {})
  await first.flush()
  const arrived: AuditRow[] = []
  recorder(t, async (rows) => void arrived.push(...rows))
  await until('the row', () => arrived.length === 1)
  t.same(eventsOf(arrived), ['left'])
})

t.test('beyond the size of the spool rows are dropped and counted, and those on disk stay whole', async (t) => {
  t.testdir({})
  const { note, flush, registry } = recorder(t, () => Promise.reject(new Error('away')), {
    AUDIT_SPOOL_MAX_BYTES: '1000',
  })
  for (let n = 0; n < 10; n++) note(`event-${n}`, {})
  await flush()
  const text = readFileSync(spoolOf(t), 'utf8')
  const kept = text.trim().split('\n')
  t.ok(kept.length >= 2 && Buffer.byteLength(text) <= 1000)
  t.same(
    kept.map((line) => (JSON.parse(line) as AuditRow).event),
    Array.from({ length: kept.length }, (_, n) => `event-${n}`),
  )
  t.match(await registry.metrics(), new RegExp(`audit_rows_dropped_total ${10 - kept.length}\\n`))
})

t.test('while identity is away it is asked now and then, and rows go to the disk meanwhile', async (t) => {
  t.testdir({})
  let asked = 0
  const { note, flush, stop } = recorder(t, () => {
    asked++
    return Promise.reject(new Error('away'))
  })
  for (let n = 0; n < 20; n++) {
    note(`event-${n}`, {})
    await flush()
  }
  t.ok(asked < 10, `${asked} times for 20 batches`)
  t.equal(readFileSync(spoolOf(t), 'utf8').trim().split('\n').length, 20)
  await stop()
})

t.test('a large spool is read in parts, and a line that a crash left half written costs no other', async (t) => {
  t.testdir({})
  const first = recorder(t, () => Promise.reject(new Error('away')))
  const filler = 'x'.repeat(1000)
  for (let n = 0; n < 2000; n++) first.note(`event-${n}`, { filler })
  await first.stop()
  appendFileSync(spoolOf(t), '{"id":"half')
  const second = recorder(t, () => Promise.reject(new Error('away')))
  second.note('last', {})
  await second.stop()

  const batches: string[][] = []
  const third = recorder(t, async (rows) => void batches.push(eventsOf(rows)))
  await third.flush()
  t.same(batches.flat(), [...Array.from({ length: 2000 }, (_, n) => `event-${n}`), 'last'])
  t.ok(Math.max(...batches.map((batch) => batch.length)) < 500)
  t.notOk(existsSync(spoolOf(t)))
})

t.test('a spool that somebody takes away is missed, and does not hold up what comes after it', async (t) => {
  t.testdir({})
  const arrived: AuditRow[] = []
  let away = true
  const { note, stop } = recorder(t, async (rows) => {
    if (away) throw new Error('away')
    arrived.push(...rows)
  })
  note('a', {})
  await until('the spool', () => existsSync(spoolOf(t)))
  rmSync(spoolOf(t))
  away = false
  note('b', {})
  await stop()
  t.same(eventsOf(arrived), ['b'])
})

t.test('while a delivery hangs memory is bounded, and a stop does not wait for it', async (t) => {
  t.testdir({})
  const { note, stop, registry } = recorder(t, () => new Promise(() => undefined))
  for (let n = 0; n < 12_000; n++) {
    note(`event-${n}`, {})
    if (n % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await until('rows on the disk', () => existsSync(spoolOf(t)))
  await stop()
  note('late', {})
  const events = readFileSync(spoolOf(t), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as AuditRow).event)
  t.equal(new Set(events).size, 12_001)
  t.match(await registry.metrics(), /audit_rows_dropped_total 0\n/)
})

t.test('a disk that takes nothing costs the rows, which are counted, and nothing else', async (t) => {
  t.testdir({})
  writeFileSync(path.join(t.testdirName, 'audit-spool'), 'not a folder')
  const { note, flush, stop, registry } = recorder(t, () => Promise.reject(new Error('away')))
  note('a', {})
  await flush()
  note('b', {})
  await stop()
  t.match(await registry.metrics(), /audit_rows_dropped_total 2\n/)
})

t.test('a process that dies of a fault spools what it still has in memory', (t) => {
  const folder = t.testdir({})
  const program = `
    import { commonSettings, readConfig } from '#shared/config.ts'
    import { createHealth } from '#shared/health.ts'
    import { createLogger } from '#shared/logger.ts'
    import { createMetrics } from '#shared/metrics.ts'
    import { createServer } from '#shared/server.ts'
    import { recordAudit } from '#shared/service.ts'
    const config = readConfig(commonSettings, process.env)
    const deps = { logger: createLogger('diary', config), metrics: createMetrics('diary'), health: createHealth('diary') }
    recordAudit('diary', createServer({ config, ...deps }), config, deps, async () => {}).note('last.words', {})
    throw new Error('the end')`
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: path.join(import.meta.dirname, '..', '..'),
    env: { ...process.env, DATA_DIR: folder, LOG_LEVEL: 'fatal' },
  })
  t.equal(status, 1)
  t.match(readFileSync(path.join(folder, 'audit-spool', 'diary.ndjson'), 'utf8'), /^\{.*"event":"last.words".*\}\n$/)
  t.end()
})

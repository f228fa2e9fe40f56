import { existsSync, readFileSync } from 'node:fs'
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

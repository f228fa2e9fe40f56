import { readFileSync } from 'node:fs'
import t from 'tap'
import { SMALL } from './cases/proxy.ts'
import { UPLOAD_WAVE } from './cases/upload.ts'
import type { Figures } from './lab/rounds.ts'
import { CASES } from './options.ts'
import { terminalReport, writeReport, type Run } from './report.ts'
import { OURS } from './subjects/proxies.ts'
import { judge, type Found } from './targets.ts'

const row = (subject: string, cpuUs: number, more: Partial<Figures> = {}): Figures => ({
  subject,
  cpuUs,
  cpuUsMin: cpuUs,
  cpuUsMax: cpuUs,
  perSecond: 1000,
  p99Ms: 5,
  rssMb: 50,
  requests: 3000,
  failed: 0,
  ...more,
})

const found: Found = {
  cases: {
    [SMALL]: [row(OURS, 40), row('nginx', 10), row('fast-gateway', 70, { failed: 7 })],
    [UPLOAD_WAVE]: [row('gateway', 1, { rssMb: 180 })],
  },
  start: { seconds: 5, rssMb: 400, pssMb: 150 },
}

const run = (): Run => ({
  machine: { date: '2026-11-21T01:02:03.000Z', cpu: 'a | b' },
  options: { only: [...CASES], rounds: 3, duration: 3, warmup: 0, reports: 1_000_000 },
  found,
  verdicts: judge(found),
  missing: ['caddy'],
  seconds: 61,
})

t.test('targets are ratios of two figures of the same run, or sizes and times', async (t) => {
  const values = Object.fromEntries(judge(found).map(({ what, value }) => [what, value]))
  t.equal(values['gateway, 300 bytes / nginx'], 4)
  t.equal(values['gateway, 300 bytes / caddy'], undefined)
  t.equal(values['20 uploads of 50 MB at once: gateway'], 180)
  t.equal(values['start to ready, all processes'], 5)
})

t.test('the report says which targets are met, missed or not measured', async (t) => {
  const text = terminalReport(run())
  t.match(text, /gateway, 300 bytes \/ nginx +│ 4.00 x +│ <= 4.5 x +│ met/)
  t.match(text, /20 uploads of 50 MB at once: gateway +│ 180 MB +│ <= 120 MB +│ missed by 50 %/)
  t.match(text, /start to ready, all processes +│ 5.00 s +│ <= 5 s +│ met/)
  t.match(text, /gateway, 300 bytes \/ caddy +│ - +│ <= 0.7 x +│ not measured/)
})

t.test('a run of some cases shows the targets that it measured', async (t) => {
  const text = terminalReport({ ...run(), options: { ...run().options, only: ['proxy'] } })
  t.match(text, /nginx +│ 4.00 x/)
  t.notMatch(text, /not measured/)
})

t.test('the report names peers that are not installed and requests that failed', async (t) => {
  const text = terminalReport(run())
  t.match(text, /caddy +│ not installed/)
  t.match(text, /fast-gateway \(7 of 3000 FAILED\)/)
  t.match(text, /4.00 x nginx/)
})

t.test('results are written for people and for programs, under their date', async (t) => {
  const name = writeReport(run(), t.testdir())
  t.match(name, /2026-11-21$/)
  const text = readFileSync(`${name}.md`, 'utf8')
  t.match(text, '| gateway, 300 bytes / nginx | 4.00 x | <= 4.5 x | met |')
  t.match(text, '| cpu | a \\| b |', 'what the machine says cannot break the table')
  t.match(JSON.parse(readFileSync(`${name}.json`, 'utf8')), { found: { start: { seconds: 5 } }, missing: ['caddy'] })
})

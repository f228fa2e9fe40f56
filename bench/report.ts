import Table from 'cli-table3'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { LARGE, SMALL } from './cases/proxy.ts'
import type { Figures } from './lab/rounds.ts'
import type { Machine } from './machine.ts'
import { CASES, type Options } from './options.ts'
import { baselineOf, type Found, type Verdict } from './targets.ts'

/** Everything of one run. */
export interface Run {
  machine: Machine
  options: Options
  found: Found
  verdicts: Verdict[]
  /** Peers that this machine does not have. */
  missing: string[]
  seconds: number
}

type Cells = string[][]

const FIGURES_HEAD = ['case', 'subject', 'CPU µs/request (min..max)', 'ratio', 'requests/s', 'p99 ms', 'peak RSS MB']
const TARGETS_HEAD = ['figure', 'measured', 'target', 'verdict']
const NONE = '-'

/** Three figures are all that such a measurement resolves. */
const brief = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))

function figureRow(found: Found, title: string, row: Figures): string[] {
  const base = baselineOf(found, title)
  return [
    title,
    row.failed === 0 ? row.subject : `${row.subject} (${row.failed} of ${row.requests} FAILED)`,
    `${brief(row.cpuUs)} (${brief(row.cpuUsMin)}..${brief(row.cpuUsMax)})`,
    base === undefined ? NONE : `${(row.cpuUs / base.cpuUs).toFixed(2)} x ${base.subject}`,
    brief(row.perSecond),
    String(row.p99Ms),
    row.rssMb.toFixed(0),
  ]
}

function figureCells({ found, missing }: Run): Cells {
  return Object.entries(found.cases).flatMap(([title, rows]) => [
    ...rows.map((row) => figureRow(found, title, row)),
    ...(title === SMALL || title === LARGE ? missing : []).map((name) => [
      title,
      name,
      'not installed',
      NONE,
      NONE,
      NONE,
      NONE,
    ]),
  ])
}

function verdictOf({ value, max }: Verdict): string {
  if (value === undefined) return 'not measured'
  return value <= max ? 'met' : `missed by ${((value / max - 1) * 100).toFixed(0)} %`
}

/** Of a part of the cases only what it measured. */
const shown = ({ verdicts, options }: Run): Verdict[] =>
  options.only.length === CASES.length ? verdicts : verdicts.filter(({ value }) => value !== undefined)

const targetCells = (run: Run): Cells =>
  shown(run).map((verdict) => {
    const { what, value, max, unit } = verdict
    return [what, value === undefined ? NONE : `${brief(value)} ${unit}`, `<= ${max} ${unit}`, verdictOf(verdict)]
  })

function terminalTable(head: string[], rows: Cells): string {
  const table = new Table({ head, style: { head: [], border: [], compact: true } })
  table.push(...rows)
  return table.toString()
}

const markdownTable = (head: string[], rows: Cells) =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')

const startLine = ({ found: { start } }: Run): string[] =>
  start === undefined
    ? []
    : [
        `All processes when ready: ${brief(start.rssMb)} MB, or ${brief(start.pssMb)} MB with the pages that they share counted once.`,
      ]

export const terminalReport = (run: Run): string =>
  [
    terminalTable(FIGURES_HEAD, figureCells(run)),
    terminalTable(TARGETS_HEAD, targetCells(run)),
    ...startLine(run),
    `${run.seconds.toFixed(0)} s; ${run.options.rounds} rounds of ${run.options.duration} s, medians`,
  ].join('\n')

const markdownReport = (run: Run): string => `# Bench of ${run.machine.date.slice(0, 10)}

${markdownTable(TARGETS_HEAD, targetCells(run))}

Ratios are of CPU for one request. ${run.options.rounds} rounds of ${run.options.duration} s, interleaved, medians; 50
connections. How to read it: [../README.md](../README.md).
${startLine(run).join('')}

${markdownTable(FIGURES_HEAD, figureCells(run))}

${markdownTable(['machine', ''], Object.entries(run.machine))}
`

/** Writes `<date>.md` and `<date>.json`; returns their common name. */
export function writeReport(run: Run, folder: string): string {
  mkdirSync(folder, { recursive: true })
  const name = path.join(folder, run.machine.date.slice(0, 10))
  writeFileSync(`${name}.md`, markdownReport(run))
  writeFileSync(`${name}.json`, `${JSON.stringify(run, null, 2)}\n`)
  return name
}

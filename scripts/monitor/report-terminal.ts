import Table from 'cli-table3'
import { createColors } from 'picocolors'
import type { Language } from './args.ts'
import { changeLines } from './changes-text.ts'
import { GENERATOR_LAG_WARN_MS } from './limits.ts'
import { budgetOf, groupFailures, type Report } from './report.ts'
import { allChecks, ERROR_CLASSES, type LoadRun, type RouteRun, type Run, type State, type TargetRun } from './run.ts'
import { bytes, ms, percent, printable, sparkline, uptime, widthOf } from './show.ts'
import { problemText, type Texts } from './texts.ts'

export interface Terminal {
  texts: Texts
  lang: Language
  color: boolean
  /** Width in characters; wide tables leave out their least columns. */
  columns: number
}

type Colors = ReturnType<typeof createColors>

interface Column<T> {
  head: string
  align?: 'right'
  cell: (row: T) => string
  /** The highest is left out first when the line is too long; 0 always stays. */
  rank: number
}

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' ',
} as const

function table<T>(all: Column<T>[], rows: readonly T[], width: number, c: Colors): string {
  const columns = [...all]
  for (;;) {
    const made = new Table({
      head: columns.map(({ head }) => c.dim(head)),
      colAligns: columns.map(({ align }) => align ?? 'left'),
      chars: NO_LINES,
      style: { head: [], border: [], 'padding-left': 1, 'padding-right': 0 },
    })
    made.push(...rows.map((row) => columns.map(({ cell }) => cell(row))))
    const text = made.toString()
    const least = columns.reduce((worst, column) => (column.rank > worst.rank ? column : worst))
    if (Math.max(...text.split('\n').map(widthOf)) <= width || least.rank === 0) return text.replace(/ +$/gm, '')
    columns.splice(columns.indexOf(least), 1)
  }
}

const paint = (c: Colors, state: State) => ({ healthy: c.green, degraded: c.yellow, down: c.red })[state]

function processTable({ targets }: Run, { texts, columns: width }: Terminal, c: Colors): string {
  const columns: Column<TargetRun>[] = [
    { head: texts.process, cell: ({ name }) => c.bold(name), rank: 0 },
    { head: texts.state, cell: ({ state }) => paint(c, state)(texts.states[state]), rank: 0 },
    {
      head: texts.ready,
      cell: ({ facts }) => (facts.ready === undefined ? '-' : facts.ready ? texts.yes : c.red(texts.no)),
      rank: 0,
    },
    { head: texts.database, cell: ({ facts }) => facts.database ?? '-', rank: 2 },
    { head: texts.version, cell: ({ facts }) => facts.version ?? '-', rank: 6 },
    { head: texts.uptime, align: 'right', cell: ({ facts }) => uptime(facts.uptime_s), rank: 3 },
    { head: texts.loopDelay, align: 'right', cell: ({ facts }) => ms(facts.loop_p99_ms), rank: 4 },
    { head: texts.memory, align: 'right', cell: ({ facts }) => bytes(facts.rss_bytes), rank: 1 },
    {
      head: texts.storage,
      align: 'right',
      cell: ({ facts }) =>
        facts.file_bytes === undefined ? '-' : `${bytes(facts.file_bytes)} + ${bytes(facts.wal_bytes)}`,
      rank: 5,
    },
    { head: texts.diskFree, align: 'right', cell: ({ facts }) => bytes(facts.disk_free_bytes), rank: 7 },
    { head: texts.health, align: 'right', cell: ({ health_p50_ms }) => ms(health_p50_ms), rank: 0 },
    { head: '', cell: ({ health_ms }) => c.cyan(sparkline(health_ms, 12)), rank: 1 },
  ]
  return table(columns, targets, width, c)
}

function failureLines(run: Run, { texts }: Terminal, c: Colors): string[] {
  const checks = allChecks(run)
  const failed = checks.filter((check) => !check.ok).length
  if (failed === 0) return [` ${c.green('✓')} ${texts.passed(checks.length)}`]
  const groups = groupFailures(checks, ({ problem }) => (problem === undefined ? '' : problemText(texts, problem)))
  return [
    ` ${c.red('✗')} ${texts.failed(failed)}`,
    ...groups.map(({ target, names, said }) => `   ${c.bold(target)} ${names.join(', ')}: ${c.yellow(said)}`),
  ]
}

/** `3 (5xx 2, timeout 1)`; the count alone when there is none. */
export function errorsText({ errors, error_rate }: RouteRun): string {
  const kinds = ERROR_CLASSES.filter((kind) => errors[kind] > 0).map((kind) => `${kind} ${errors[kind]}`)
  return kinds.length === 0 ? '0' : `${percent(error_rate)} (${kinds.join(', ')})`
}

function loadLines(run: Run, load: LoadRun, { texts, columns: width }: Terminal, c: Colors): string[] {
  const budget = ({ route }: RouteRun) => {
    if (route === '*') return ''
    const met = budgetOf(run, route)
    return met === undefined ? texts.noBudget : met ? c.green(`✓ ${texts.met}`) : c.red(`✗ ${texts.missed}`)
  }
  const figure = (name: 'p50' | 'p90' | 'p95' | 'p99' | 'p99_9' | 'max', rank: number): Column<RouteRun> => ({
    head: name.replace('_', '.'),
    align: 'right',
    cell: ({ latency_ms }) => ms(latency_ms[name]),
    rank,
  })
  const columns: Column<RouteRun>[] = [
    { head: texts.route, cell: ({ route }) => (route === '*' ? texts.all : c.bold(route)), rank: 0 },
    { head: texts.rate, align: 'right', cell: ({ reached_rate }) => reached_rate.toFixed(1), rank: 4 },
    figure('p50', 0),
    figure('p90', 6),
    figure('p95', 5),
    figure('p99', 0),
    figure('p99_9', 3),
    figure('max', 2),
    { head: texts.errors, align: 'right', cell: (row) => (row.error_rate > 0 ? c.red(errorsText(row)) : '0'), rank: 0 },
    { head: texts.budget, cell: budget, rank: 0 },
    {
      head: texts.bySecond,
      cell: ({ slices }) =>
        c.cyan(
          sparkline(
            slices.map(({ p99 }) => p99),
            12,
          ),
        ),
      rank: 1,
    },
  ]
  const lines = [
    '',
    ` ${c.bold(texts.load)}  ${texts.loadOf(load.rate, load.connections, load.duration_s, load.warmup_s)}`,
    table(columns, [...load.routes, load.total], width, c),
  ]
  const late = load.generator_lag_ms.p99
  if (late > GENERATOR_LAG_WARN_MS) lines.push(` ${c.yellow(`! ${texts.generatorLate(ms(late))}`)}`)
  if (load.scratch.left > 0) lines.push(` ${c.yellow(`! ${texts.scratchLeft(load.scratch.left)}`)}`)
  return lines
}

const withoutControls = (report: Report): Report =>
  JSON.parse(JSON.stringify(report), (_key, value: unknown) =>
    typeof value === 'string' ? printable(value) : value,
  ) as Report

/** The report for a person at a terminal (or a pipe: then without colours). Ends with a line feed. */
export function terminalReport(report: Report, terminal: Terminal): string {
  const { run, changes, notes } = withoutControls(report)
  const { texts, lang, color } = terminal
  const c = createColors(color)
  const time = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'medium' })
  const grade = paint(c, run.verdict)(c.bold(`${texts.grade} ${run.grade}`))
  const proveIt = run.grade === 'A' ? c.dim(`  (${texts.proveIt})`) : ''
  const compared = changeLines(changes, run, texts, lang)
  const lines = [
    '',
    ` ${c.bold(texts.title)}  ${c.dim(time.format(new Date(run.started_at)))}`,
    ` ${grade}  ${texts.points(run.score)}  ${texts.verdicts[run.verdict]}${proveIt}`,
    '',
    processTable(run, terminal, c),
    '',
    ...failureLines(run, terminal, c),
    ...(run.load === undefined ? [] : loadLines(run, run.load, terminal, c)),
    ...(run.load_skipped === undefined ? [] : ['', ` ${c.yellow(texts.loadSkipped)}`]),
    ...(compared.length === 0 ? [] : ['', ` ${c.bold(texts.changes)}`]),
    ...compared.flatMap(({ head, parts }) => [
      `   ${c.dim(head)}: ${parts[0]}`,
      ...parts.slice(1).map((part) => `     ${part}`),
    ]),
    ...notes.flatMap((note) => ['', ` ${c.dim(`· ${note}`)}`]),
    '',
  ]
  return `${lines.join('\n')}\n`
}

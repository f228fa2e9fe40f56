import { createHash } from 'node:crypto'
import type { Language } from './args.ts'
import { changeLines } from './changes-text.ts'
import { lineChart, miniBars, stackedBars } from './charts.ts'
import { GENERATOR_LAG_WARN_MS } from './limits.ts'
import { STYLE } from './report-html-style.ts'
import { errorsText } from './report-terminal.ts'
import { budgetOf, groupFailures, type Report } from './report.ts'
import { allChecks, ERROR_CLASSES, type LoadRun, type RouteRun, type Run } from './run.ts'
import { bytes, ms, uptime } from './show.ts'
import { problemText, type Texts } from './texts.ts'
import { escapeXml } from './xml.ts'

const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/** A cell: its text is escaped, `html` is ours. */
interface Cell {
  text?: string
  html?: string
  kind?: string
}

const cell = ({ text = '', html, kind }: Cell) =>
  `<td${kind === undefined ? '' : ` class="${kind}"`}>${html ?? escapeXml(text)}</td>`
const num = (text: string): Cell => ({ text, kind: 'num' })

function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const numeric = (index: number) => (rows[0]?.[index]?.kind === 'num' ? ' class="num"' : '')
  const head = heads.map((text, index) => `<th scope="col"${numeric(index)}>${escapeXml(text)}</th>`).join('')
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('')
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`
}

const section = (title: string, body: string) => `<section><h2>${escapeXml(title)}</h2>${body}</section>`
const list = (items: readonly string[]) =>
  `<ul class="list">${items.map((item) => `<li>${escapeXml(item)}</li>`).join('')}</ul>`

function processes({ targets }: Run, texts: Texts): string {
  const heads = [texts.process, texts.state, texts.ready, texts.database, texts.version, texts.uptime, texts.loopDelay]
  const rows = targets.map(({ name, state, facts, health_p50_ms, health_ms }): Cell[] => [
    { text: name, kind: 'name' },
    { text: texts.states[state], kind: `state ${state}` },
    { text: facts.ready === undefined ? '-' : facts.ready ? texts.yes : texts.no },
    { text: facts.database ?? '-' },
    { text: facts.version ?? '-' },
    num(uptime(facts.uptime_s)),
    num(ms(facts.loop_p99_ms)),
    num(bytes(facts.rss_bytes)),
    num(facts.file_bytes === undefined ? '-' : `${bytes(facts.file_bytes)} + ${bytes(facts.wal_bytes)}`),
    num(bytes(facts.disk_free_bytes)),
    num(ms(health_p50_ms)),
    { html: miniBars(health_ms) },
  ])
  return section(
    texts.processes,
    table([...heads, texts.memory, texts.storage, texts.diskFree, texts.health, ''], rows),
  )
}

function failures(run: Run, texts: Texts): string {
  const checks = allChecks(run)
  const groups = groupFailures(checks, ({ problem }) => (problem === undefined ? '' : problemText(texts, problem)))
  if (groups.length === 0) return ''
  const count = checks.filter(({ ok }) => !ok).length
  const lines = groups.map(({ target, names, said }) => `${target} ${names.join(', ')}: ${said}`)
  return section(texts.failed(count), list(lines))
}

function loadTable(run: Run, load: LoadRun, texts: Texts): string {
  const budget = (route: RouteRun): Cell => {
    if (route.route === '*') return {}
    const met = budgetOf(run, route.route)
    if (met === undefined) return { text: texts.noBudget, kind: 'dim' }
    return met ? { text: `✓ ${texts.met}`, kind: 'healthy' } : { text: `✗ ${texts.missed}`, kind: 'down' }
  }
  const rows = [...load.routes, load.total].map((route): Cell[] => [
    { text: route.route === '*' ? texts.all : route.route, kind: 'name' },
    num(route.reached_rate.toFixed(1)),
    ...(['p50', 'p90', 'p95', 'p99', 'p99_9', 'max'] as const).map((name) => num(ms(route.latency_ms[name]))),
    num(errorsText(route)),
    budget(route),
  ])
  const heads = [texts.route, texts.rate, 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max', texts.errors, texts.budget]
  return table(heads, rows)
}

function loadSection(run: Run, load: LoadRun, texts: Texts): string {
  const bySecond = lineChart({
    title: texts.latencyBySecond,
    labels: load.total.slices.map(({ second }) => `${second + 1} s`),
    series: load.routes.map(({ route, slices }) => ({ name: route, points: slices.map(({ p99 }) => p99) })),
  })
  const byPercentile = lineChart({
    title: texts.latencyByPercentile,
    labels: ['p50', 'p90', 'p95', 'p99', 'p99.9', 'max'],
    scale: 'log',
    series: load.routes.map(({ route, latency_ms: { p50, p90, p95, p99, p99_9, max } }) => ({
      name: route,
      points: [p50, p90, p95, p99, p99_9, max],
    })),
  })
  const failed = load.routes.filter(({ error_rate }) => error_rate > 0)
  const errors =
    failed.length === 0
      ? ''
      : stackedBars(
          texts.errorsByClass,
          ERROR_CLASSES,
          failed.map(({ route, errors: counts }) => ({
            name: route,
            counts: ERROR_CLASSES.map((kind) => counts[kind]),
          })),
        )
  const late = load.generator_lag_ms.p99
  const notes = [
    ...(late > GENERATOR_LAG_WARN_MS ? [texts.generatorLate(ms(late))] : []),
    ...(load.scratch.left > 0 ? [texts.scratchLeft(load.scratch.left)] : []),
  ]
  const what = escapeXml(texts.loadOf(load.rate, load.connections, load.duration_s, load.warmup_s))
  return section(
    texts.load,
    `<p class="dim">${what}</p>${loadTable(run, load, texts)}` +
      `<div class="charts">${bySecond}${byPercentile}${errors}</div>${notes.length > 0 ? list(notes) : ''}`,
  )
}

function changesSection({ run, changes }: Report, texts: Texts, lang: Language): string {
  const lines = changeLines(changes, run, texts, lang).map(({ head, parts }) => `${head}: ${parts.join('; ')}`)
  const time = new Intl.DateTimeFormat(lang, { timeStyle: 'short' })
  const trend =
    changes.trend.length < 2
      ? ''
      : lineChart({
          title: texts.trend,
          most: 100,
          labels: changes.trend.map(({ at }) => time.format(at)),
          series: [{ name: texts.grade, points: changes.trend.map(({ score }) => score) }],
        })
  return lines.length === 0 ? '' : section(texts.changes, `${list(lines)}${trend}`)
}

function checksSection(run: Run, texts: Texts): string {
  const rows = allChecks(run).map(({ target, name, ok, problem, ms: took }): Cell[] => [
    { text: target, kind: 'name' },
    { text: name },
    { text: ok ? texts.ok : '✗', kind: ok ? 'healthy' : 'down' },
    num(ms(took)),
    { text: problem === undefined ? '' : problemText(texts, problem), kind: 'said' },
  ])
  const heads = [texts.process, texts.check, texts.result, texts.latency, '']
  return `<section><details><summary>${escapeXml(texts.checks)} (${rows.length})</summary>${table(heads, rows)}</details></section>`
}

/** One page that needs nothing else: its style is inside, its charts are SVG, it has no script and asks no other host. */
export function htmlReport(report: Report, texts: Texts, lang: Language): string {
  const { run, notes } = report
  const { host } = run
  const time = new Intl.DateTimeFormat(lang, { dateStyle: 'full', timeStyle: 'long' })
  const machine = [
    `${host.platform}, Node ${host.node.replace(/^v/, '')}, ${host.cpus} CPU, ${bytes(host.memory_total_bytes)}`,
    `${host.data_dir}: ${bytes(host.disk_free_bytes)} / ${bytes(host.disk_total_bytes)}`,
  ].join(' · ')
  const body = [
    `<header><div class="grade ${run.verdict}">${run.grade}</div><div><h1>${escapeXml(texts.title)}</h1>`,
    `<p class="${run.verdict}">${escapeXml(texts.verdicts[run.verdict])} ${escapeXml(texts.points(run.score))}</p>`,
    `<p class="dim">${escapeXml(time.format(new Date(run.started_at)))}</p></div></header>`,
    failures(run, texts),
    processes(run, texts),
    run.load === undefined ? '' : loadSection(run, run.load, texts),
    run.load_skipped === undefined ? '' : section(texts.load, `<p>${escapeXml(texts.loadSkipped)}</p>`),
    changesSection(report, texts, lang),
    checksSection(run, texts),
    section(texts.host, `<p class="dim">${escapeXml(machine)}</p>${notes.length > 0 ? list(notes) : ''}`),
  ]
  return [
    '<!doctype html>',
    `<html lang="${lang}">`,
    `<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${escapeXml(POLICY)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">',
    `<title>${escapeXml(`${run.grade} · ${texts.title}`)}</title><style>${STYLE}</style></head>`,
    `<body><main>${body.join('\n')}</main></body>`,
    '</html>',
    '',
  ].join('\n')
}

import { execFileSync } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'
import t, { type Test } from 'tap'
import { ago } from './changes-text.ts'
import { lineChart, stackedBars } from './charts.ts'
import { htmlReport } from './report-html.ts'
import { jsonReport, runFromJson } from './report-json.ts'
import { junitReport } from './report-junit.ts'
import { terminalReport } from './report-terminal.ts'
import type { Report } from './report.ts'
import { PROBLEM_CODES } from './run.ts'
import { bytes, ms, percent, sparkline, uptime, widthOf } from './show.ts'
import { check, loadOf, refused, routeRun, sampleRun, targetRun } from './test/sample-run.ts'
import { problemText, TEXTS } from './texts.ts'
import { escapeXml } from './xml.ts'

const NASTY = `<script>alert("x")</script> & 'quote' \u0000\u001b[31m \ud800 한글`

const budget = check('load', 'GET /timeline p99_ms', {
  kind: 'budget',
  ok: false,
  problem: { code: 'budget', values: { route: 'GET /timeline', measure: 'p99_ms', limit: 150, got: 333.3 } },
})
const wrong = check('calendar', 'health service', {
  kind: 'field',
  ok: false,
  problem: { code: 'field-value', values: { field: 'service', expected: 'calendar-service', got: NASTY } },
})
const run = sampleRun({
  targets: [
    targetRun('gateway'),
    targetRun('calendar', 'degraded', [wrong]),
    targetRun('diary', 'down', [refused('diary', 'live'), refused('diary', 'ready')]),
  ],
  checks: [check('host', 'version', { kind: 'field' }), budget],
  load: {
    ...loadOf([routeRun('GET /timeline', 333.3, { '5xx': 2, timeout: 1 }), routeRun('GET /other')]),
    generator_lag_ms: { p99: 50, max: 60 },
    scratch: { made: 5, left: 3 },
  },
})
const at = Date.parse(run.started_at)
const report: Report = {
  run,
  changes: {
    last: {
      against: 'last',
      at: at - 180_000,
      grade: 'A',
      score: 100,
      broken: ['diary live', 'diary ready'],
      mended: ['host version'],
      moved: [{ what: 'GET /timeline', measure: 'p99', before: 20, now: 333.3 }],
    },
    usual: { against: 'usual', at, grade: 'A', score: 99.5, broken: [], mended: [], moved: [] },
    trend: [
      { at: at - 180_000, grade: 'A', score: 100, verdict: 'healthy' },
      { at, grade: 'F', score: 46, verdict: 'down' },
    ],
  },
  notes: [NASTY],
}

const shown = (lang: 'en' | 'ko', columns = 160, color = false) =>
  terminalReport(report, { texts: TEXTS[lang], lang, color, columns })

t.test('the table names each process, what failed once for all its probes, and the change', async (t) => {
  const text = shown('en')
  t.match(text, /Grade F\s+\d+ of 100\s+A critical process is down\./)
  t.match(text, /gateway\s+healthy\s+yes\s+connected\s+0\.1\.0\s+1h 2m\s+22\.0 ms\s+85\.8 MB/)
  t.match(text, /diary\s+DOWN\s+no/)
  t.match(text, 'diary live, ready: the connection was refused')
  t.match(text, 'load GET /timeline p99_ms: 333 ms is over the budget of 150 ms')
  t.match(text, /GET \/timeline .* 3\.00 % \(timeout 1, 5xx 2\)\s+✗ missed\s+█▅·/)
  t.match(text, /GET \/other .* 0\s+none/)
  t.match(text, 'since the last run (3 minutes ago): Grade A (100) → F')
  t.match(text, 'now fails: diary live, ready')
  t.match(text, 'works again: host version')
  t.match(text, 'GET /timeline p99 20.0 ms → 333 ms')
  t.match(text, 'against the usual: no change')
  t.match(text, '3 scratch rows could not be removed')
  t.match(text, 'late by 50.0 ms')
})

t.test('a pipe gets no escape sequence of ours, nor one that a process put into its answer', async (t) => {
  t.notMatch(shown('en'), '\u001b')
  const coloured = shown('en', 160, true)
  t.match(coloured, '\u001b[31m')
  t.notMatch(coloured, '\u0000')
  t.notMatch(coloured, "'quote' \ufffd\u001b")
  t.equal(stripVTControlCharacters(coloured).replace(/ +$/gm, ''), shown('en'), 'colours change nothing else')
})

t.test('a narrow terminal leaves out columns rather than breaking lines', async (t) => {
  const narrow = shown('en', 80).split('\n')
  const heading = narrow.find((line) => line.includes('Process')) ?? ''
  t.ok(heading.length <= 80, heading)
  t.match(heading, 'State')
  t.notMatch(heading, 'Disk free')
})

t.test('Korean says the same things', async (t) => {
  const text = shown('ko')
  t.match(text, '등급 F')
  t.match(text, 'diary live, ready: 연결이 거부되었습니다')
  t.match(text, '지난 실행 대비 (3분 전)')
  t.match(text, '333 ms, 예산 150 ms 초과')
  const width = Math.max(...shown('ko', 80).split('\n').slice(4, 8).map(widthOf))
  t.ok(width <= 80, `${width} columns`)
})

t.test('each problem has its sentence in both languages', async (t) => {
  for (const code of PROBLEM_CODES) {
    for (const lang of ['en', 'ko'] as const) {
      const values = {
        ms: 1,
        reason: 'r',
        got: 2,
        expected: 3,
        field: 'f',
        limit: 4,
        what: 'w',
        bytes: 5,
        list: 'l',
        path: '/p',
      }
      const text = problemText(TEXTS[lang], { code, values })
      t.ok(text.length > 3, `${code} ${lang}`)
      t.notMatch(text, 'undefined', code)
    }
  }
})

t.test('a healthy run says so, and how to prove it', async (t) => {
  const healthy = { run: sampleRun(), changes: { trend: [] }, notes: [] }
  const text = terminalReport(healthy, { texts: TEXTS.en, lang: 'en', color: false, columns: 120 })
  t.match(text, 'all 2 checks passed')
  t.match(text, 'A+ needs a run with --load')
  t.notMatch(text, 'Changes')
  const skipped = { ...healthy, run: { ...healthy.run, load_skipped: 'down' as const } }
  t.match(terminalReport(skipped, { texts: TEXTS.en, lang: 'en', color: false, columns: 120 }), 'No load was sent')
  t.match(htmlReport(skipped, TEXTS.en, 'en'), 'No load was sent')
})

t.test('the JSON is the run with English messages, and reads back as a baseline', async (t) => {
  const text = JSON.stringify(jsonReport(report))
  const document = JSON.parse(text) as ReturnType<typeof jsonReport>
  t.match(document, { schema: 'najimban-health/1', grade: 'F', exit_code: 2, verdict: 'down' })
  t.match(document.checks[1], { name: 'GET /timeline p99_ms', message: '333 ms is over the budget of 150 ms' })
  t.equal(runFromJson(text)?.started_at, run.started_at)
  for (const other of ['', 'null', '[]', '{"schema":"najimban-health/1"}', '{"schema":"x","targets":[],"checks":[]}']) {
    t.equal(runFromJson(other), undefined, other)
  }
})

/** A strict enough reading of XML: tags balance, attributes are quoted, no bare ampersand or forbidden character. */
function assertWellFormed(t: Test, xml: string): void {
  // eslint-disable-next-line no-control-regex
  t.notMatch(xml, /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/)
  t.ok(xml.isWellFormed())
  t.notMatch(xml, /&(?!(amp|lt|gt|quot|#39);)/)
  const open: string[] = []
  const tags = xml.replace(/^<\?xml[^>]*\?>/, '').matchAll(/<(\/?)([\w-]+)((?:\s[\w-]+="[^"<]*")*)\s*(\/?)>|[<>]/g)
  for (const [whole, close, name, , empty] of tags) {
    if (name === undefined) t.fail(`a bare ${whole}`)
    else if (close === '/') t.equal(open.pop(), name)
    else if (empty !== '/') open.push(name)
  }
  t.same(open, [])
}

t.test('JUnit has a test case for each check and budget, with the numbers in the failure', async (t) => {
  const xml = junitReport(report)
  assertWellFormed(t, xml)
  t.match(xml, /<testsuites name="najimban health" tests="6" failures="4" errors="0" time="0\.250">/)
  t.match(xml, '<testsuite name="load" tests="1" failures="1"')
  t.match(xml, '<testcase name="GET /timeline p99_ms" classname="health.load" time="0.0000">')
  t.match(xml, /type="budget">333 ms is over the budget of 150 ms[\s\S]*limit=150\ngot=333\.3</)
  t.match(xml, '<testcase name="live" classname="health.gateway" time="0.0015"/>')
  t.match(xml, '&lt;script&gt;')
  t.notMatch(xml, '<script>')
})

t.test('JUnit is read by a real XML parser', async (t) => {
  let python: string
  try {
    python = execFileSync('python3', ['-c', 'print(1)'], { encoding: 'utf8' })
  } catch {
    return t.pass('there is no python3 here')
  }
  t.equal(python.trim(), '1')
  const count = execFileSync(
    'python3',
    ['-c', 'import sys, xml.etree.ElementTree as e; print(len(e.parse(sys.stdin).getroot().findall(".//failure")))'],
    { input: junitReport(report), encoding: 'utf8' },
  )
  t.equal(count.trim(), '4')
})

t.test('the page asks nobody, runs nothing and shows what it was told as text', async (t) => {
  for (const lang of ['en', 'ko'] as const) {
    const html = htmlReport(report, TEXTS[lang], lang)
    t.match(html, `<html lang="${lang}">`)
    t.match(html, /Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-[\w+/=]+&#39;/)
    t.notMatch(html, /<script|<link|<img|<iframe|\son\w+=|\sstyle=|url\(|@import|https?:\/\//)
    t.match(html, '&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;')
    t.match(html, '한글')
    t.equal(html.match(/<svg class="mini"/g)?.length, 3)
    t.equal(html.match(/<figure>/g)?.length, 4, 'p99 by second, percentiles, errors, trend')
    assertWellFormed(t, /<main>[\s\S]*<\/main>/.exec(html)?.[0] ?? '')
    t.notMatch(html, /NaN|undefined|Infinity/)
  }
})

t.test('charts of nothing, of zeros and of gaps are still charts', async (t) => {
  const charts = [
    lineChart({ title: 'none', series: [], labels: [] }),
    lineChart({ title: 'zero', series: [{ name: 'a', points: [0, 0] }], labels: ['1', '2'] }),
    lineChart({ title: 'log zero', scale: 'log', series: [{ name: 'a', points: [0, 5] }], labels: ['1', '2'] }),
    lineChart({ title: 'one', scale: 'log', series: [{ name: 'a', points: [3] }], labels: ['1'] }),
    stackedBars('no rows', ['a'], []),
  ]
  for (const chart of charts) t.notMatch(chart, /NaN|undefined|Infinity/)
  const gap = lineChart({ title: 'gap', series: [{ name: 'a', points: [1, null, 1] }], labels: ['1', '2', '3'] })
  t.equal(gap.match(/M\d/g)?.length, 2, 'the line is lifted over a gap')
})

t.test('text for XML has no character that XML forbids', async (t) => {
  t.equal(escapeXml('a<b>&"\'\u0000\u000b\ufffe\n한'), 'a&lt;b&gt;&amp;&quot;&#39;\ufffd\ufffd\ufffd\n한')
  t.equal(escapeXml('\ud800'), '\ufffd')
})

t.test('figures are shown with their units', async (t) => {
  t.same([0, 512, 2048, 150 * 1024, 3e9, null].map(bytes), ['0 B', '512 B', '2.0 KB', '150 KB', '2.8 GB', '-'])
  t.same([0.123, 12.34, 123.4, 12_345, null].map(ms), ['0.12 ms', '12.3 ms', '123 ms', '12.3 s', '-'])
  t.same([0, 0.001, 0.25, 1].map(percent), ['0 %', '0.10 %', '25 %', '100 %'])
  t.same([0, 59, 3725, 90_061, undefined].map(uptime), ['0s', '59s', '1h 2m', '1d 1h', '-'])
  t.equal(sparkline([0, 1, 2, 4, null, 8]), '▁▂▃▅·█')
  t.equal(sparkline([]), '')
  t.equal(sparkline([0, 0]), '▁▁')
  t.equal(
    sparkline(
      Array.from({ length: 100 }, (_, index) => index),
      10,
    ).length,
    10,
  )
  t.same(
    [5_000, 180_000, 7_200_000, 200_000_000].map((past) => ago(0, past, 'en')),
    ['5 seconds ago', '3 minutes ago', '2 hours ago', '2 days ago'],
  )
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'

/**
 * Runs the whole suite, or the files named as arguments, and holds line coverage above its floor. Of the TAP stream it shows
 * a line for each file, what was skipped and why, and everything about a failure.
 */
const ROOT = path.join(import.meta.dirname, '..')
const LINES_MIN_PERCENT = 90

const files = process.argv.slice(2)
const tap = spawn(
  process.execPath,
  [
    path.join(ROOT, 'node_modules/tap/dist/esm/run.mjs'),
    'run',
    '--reporter=tap',
    '--allow-incomplete-coverage',
    '--coverage-report=json-summary',
    ...files,
  ],
  { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
)

const TOTALS = /^# \{ total: (\d+), pass: (\d+)(?:, fail: (\d+))?.*?(?:, skip: (\d+))?.*\}/
let totals: RegExpExecArray | null = null
let failing = false
for await (const line of createInterface({ input: tap.stdout })) {
  totals = TOTALS.exec(line) ?? totals
  const text = line.trimStart()
  if (text.startsWith('not ok')) failing = true
  else if (failing && /^(?:ok |# |\d+\.\.\d+|TAP )/.test(text)) failing = false
  const isFile = /^(?:not )?ok \d+ - \S+\.test\.ts/.test(line)
  if (failing || isFile || / # SKIP /.test(line)) console.log(line)
}
if (tap.exitCode === null) await once(tap, 'exit')

const [, total = '0', pass = '0', fail = '0', skip = '0'] = totals ?? []
let code = tap.exitCode ?? 1
if (total === '0') code = 1

if (files.length === 0) {
  const summary = JSON.parse(readFileSync(path.join(ROOT, '.tap/report/coverage-summary.json'), 'utf8')) as {
    total: { lines: { pct: number } }
  }
  const { pct } = summary.total.lines
  console.log(`Lines covered: ${pct} % (at least ${LINES_MIN_PERCENT} %)`)
  if (pct < LINES_MIN_PERCENT) code = 1
}
console.log(`${pass} passed, ${fail} failed, ${skip} skipped`)
process.exit(code)

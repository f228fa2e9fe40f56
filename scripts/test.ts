import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { lineCoverage } from './test/lines.ts'

/**
 * Runs the whole suite, or the files named as arguments, a process for each, and holds line coverage above its floor. It shows a line
 * for each file, what was skipped and why, and everything about a failure. The files are run without tap's own runner: what that
 * loads into each process and worker doubles their time.
 */
const ROOT = path.join(import.meta.dirname, '..')
const LINES_MIN_PERCENT = 90
/** Of a test file that says nothing else; it ends by itself then, and says what it waits for. */
const TIMEOUT_S = 300
/** For one that does not even do that. */
const HANGS_MS = 1_800_000
/** For a process that outlives its test and has its output. */
const HELD_MS = 30_000
/** One more than there are cores: most of them wait for something part of their time. */
const JOBS = availableParallelism() + 1
/** They begin first, so that nothing long is left for the end. */
const LONGEST_FIRST = [
  'services/collector/postgres/suite',
  'examples/',
  'scripts/',
  'services/collector/',
  'clients/',
  '',
]

const longest = (file: string) => LONGEST_FIRST.findIndex((start) => file.startsWith(start))
const named = process.argv.slice(2).map((file) => path.relative(ROOT, path.resolve(file)))
const files =
  named.length > 0
    ? named
    : globSync('**/*.test.ts', { cwd: ROOT, exclude: ['**/node_modules/**'] })
        .sort()
        .sort((a, b) => longest(a) - longest(b))

const coverage = lineCoverage(ROOT)
const total = { total: 0, pass: 0, fail: 0, skip: 0 }
let ended = 0
let failed = false

/** What of its TAP is shown: skips and failures. */
async function run(file: string): Promise<void> {
  const started = performance.now()
  const folder = mkdtempSync(path.join(tmpdir(), 'najimban-coverage-'))
  const test = spawn(process.execPath, [path.join(ROOT, file)], {
    cwd: ROOT,
    env: {
      ...process.env,
      TAP: '1',
      TAP_TIMEOUT: String(TIMEOUT_S),
      NODE_V8_COVERAGE: folder,
      // Coverage is a tenth of a percent too good by this; everything is a fifth faster.
      NODE_COMPILE_CACHE: path.join(ROOT, 'node_modules', '.cache', 'najimban'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: HANGS_MS,
    killSignal: 'SIGKILL',
  })
  const gone = once(test, 'close')
  const lines = createInterface({ input: test.stdout })
  let isHeld = false
  test.once('exit', () => {
    const letGo = () => {
      isHeld = true
      test.stdout.destroy()
      lines.close()
    }
    const timer = setTimeout(letGo, HELD_MS).unref()
    test.once('close', () => clearTimeout(timer))
  })
  const shown: string[] = []
  const counted = { total: 0, pass: 0, fail: 0, skip: 0 }
  let failing = false
  for await (const line of lines) {
    const text = line.trimStart()
    if (text.startsWith('not ok')) failing = true
    else if (failing && /^(?:ok |# |\d+\.\.\d+|TAP )/.test(text)) failing = false
    if (failing || / # SKIP /.test(line)) shown.push(`    ${line}`)
    if (!line.startsWith('# { total:')) continue
    for (const [, what, count] of line.matchAll(/(total|pass|fail|skip): (\d+)/g)) {
      counted[what as keyof typeof counted] = Number(count)
    }
  }
  const [code, signal] = (await gone) as [number | null, NodeJS.Signals | null]
  const good = code === 0 && counted.total > 0 && !isHeld
  if (!good && counted.fail === 0) {
    counted.fail = 1
    const left = isHeld ? ', and left a process behind' : ''
    shown.push(`    not ok - ended with ${code ?? signal} after ${counted.total} assertions${left}`)
  }
  failed ||= !good
  for (const what of Object.keys(total) as (keyof typeof total)[]) total[what] += counted[what]
  for (const line of shown) console.log(line)
  console.log(`${good ? 'ok' : 'not ok'} ${++ended} - ${file} # time=${Math.round(performance.now() - started)}ms`)
  coverage.add(folder)
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
}

const waiting = files.values()
await Promise.all(
  Array.from({ length: JOBS }, async () => {
    for (const file of waiting) await run(file)
  }),
)

if (named.length === 0) {
  const percent = coverage.percent()
  console.log(`Lines covered: ${percent} % (at least ${LINES_MIN_PERCENT} %)`)
  failed ||= percent < LINES_MIN_PERCENT
}
console.log(`${total.pass} passed, ${total.fail} failed, ${total.skip} skipped`)
process.exit(failed || files.length === 0 ? 1 : 0)

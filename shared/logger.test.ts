import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { once } from 'node:events'
import path from 'node:path'
import t from 'tap'
import { fileSink } from './log-sinks.ts'
import { LogOutput } from './log-output.ts'
import { until } from './test/until.ts'
import { loggable } from './logger.ts'

const SCRIPT = path.join(import.meta.dirname, 'test', 'logging.ts')

/** What a process writes to its standard output. */
async function run(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [SCRIPT, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  const [code] = (await once(child, 'close')) as [number]
  return { code, text, lines: text.split('\n').filter((line) => line !== '') }
}

t.test('a line is one JSON object, with text as it was and no secret in it', async (t) => {
  const { text, lines } = await run(['fields'], { LOG_FORMAT: 'json' })
  t.notMatch(text, 'very-secret')
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  t.equal(entries.length, 4, text)
  t.match(entries[0], {
    time: /^\d{4}-\d\d-\d\dT/,
    level: 'info',
    service: 'calendar',
    message: '한글 "quoted"\nnew line',
    requestId: 'r-1',
    authorization: '[redacted]',
    headers: { cookie: '[redacted]', 'x-api-key': '[redacted]', 'x-monitor-key': '[redacted]', accept: 'json' },
    list: [{ password: '[redacted]' }],
    a: { b: { c: { d: '[deep]' } } },
  })
  t.match(entries[1], {
    level: 'error',
    message: 'failed',
    err: { message: 'outer', stack: /logging\.ts/, cause: { message: 'inner', code: 'E_INNER' } },
  })
  t.match(entries[2], { level: 'warn', err: { message: 'alone' } })
  t.match(entries[3], { message: 'text alone' })
})

t.test('the level decides what is written', async (t) => {
  const { lines } = await run(['fields'], { LOG_FORMAT: 'json', LOG_LEVEL: 'error' })
  t.equal(lines.length, 1)
})

t.test('on a terminal a line is for people', async (t) => {
  const { text } = await run(['request'], { LOG_FORMAT: 'pretty', NO_COLOR: '1', FORCE_COLOR: '' })
  t.match(text, /^\d\d:\d\d:\d\d\.\d{3} info +calendar +GET \/api\/events 200 1\.5 ms abcdef-1$/m)
  t.match(text, /error calendar +failed\nError: with a stack\n +at /)
})

t.test('nothing that is logged throws, forges a line or passes for what every line has', async (t) => {
  const json = await run(['odd'], { LOG_FORMAT: 'json' })
  t.equal(json.code, 0)
  t.notMatch(json.text, 'very-secret')
  const entries = json.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  t.match(entries, [
    { message: 'nothing was thrown', err: null },
    { message: 'large numbers', n: '10', deep: { list: ['1'] } },
    { err: { message: 'with codes', code: { self: {} } } },
    { message: 'has a text of its own', a: {} },
    { message: 'cannot be text', a: {} },
    { message: 'names of every line', service_: 'other', level_: 'fatal', time_: 'never', message_: 'other' },
    { message: 'cannot be read', notLogged: 'the reason' },
    { notLogged: /primitive/ },
    { message: 'no fields' },
    { message: 'Symbol(alone)' },
    { message: /^forged\n/ },
  ])
  for (const { level, service } of entries) t.same([level, service], ['error', 'calendar'])

  const pretty = await run(['odd'], { LOG_FORMAT: 'pretty', NO_COLOR: '1', FORCE_COLOR: '' })
  t.equal(pretty.code, 0)
  t.notMatch(pretty.text, /(?!\n)\p{Cc}/u)
  t.notMatch(pretty.text, 'very-secret')
  t.equal(pretty.lines.filter((line) => /^\d\d:\d\d:/.test(line)).length, entries.length, pretty.text)
})

t.test('nothing is lost, however the process ends', async (t) => {
  for (const how of ['end', 'exit', 'crash']) {
    const { lines, code } = await run([how, '5000'], { LOG_FORMAT: 'json' })
    t.equal(code, how === 'crash' ? 1 : 0)
    const numbers = lines.map((line) => (JSON.parse(line) as { i: number }).i)
    t.same(
      numbers,
      Array.from({ length: 5000 }, (_, i) => i),
      how,
    )
  }
})

t.test('a reader that does not read is held so much for, and is told what it missed', async (t) => {
  let open = false
  let got = ''
  const output = new LogOutput({
    write: (lines) => {
      if (open) got += lines.toString()
      return open ? lines.length : 0
    },
  })
  const log = (text: string) => output.write(text)
  const megabyte = 'x'.repeat(1024 * 1024)
  for (let i = 0; i < 70; i++) log(megabyte)
  open = true
  log('after')
  await until('the lines', () => got.includes('after'))
  const lines = got.trimEnd().split('\n')
  t.equal(lines.at(-1), 'after')
  t.match(JSON.parse(lines.at(-2) as string), { level: 'warn', message: /^\d+ bytes of log were dropped$/ })
  t.ok(lines.length >= 60 && lines.length < 70)
})

t.test('files are rotated by size and only so many are kept', async (t) => {
  const LOG_DIR = path.join(t.testdir({}), 'logs')
  const { lines } = await run(['end', '1000'], {
    LOG_DIR,
    LOG_MAX_BYTES: '20000',
    LOG_MAX_FILES: '3',
    LOG_FORMAT: 'json',
  })
  t.equal(lines.length, 1000, 'standard output has them too')
  const files = readdirSync(LOG_DIR)
  t.equal(files.length, 3)
  for (const file of files) {
    t.match(file, /^calendar\d?\.log$/)
    t.ok(statSync(path.join(LOG_DIR, file)).size <= 20_000, file)
  }
  const newest = readFileSync(path.join(LOG_DIR, 'calendar.log'), 'utf8').trimEnd().split('\n')
  t.match(JSON.parse(newest.at(-1) as string), { i: 999 }, 'the last line is in the newest file')
})

t.test('a file goes on where the last process ended, and no line is cut in two', async (t) => {
  const LOG_DIR = t.testdir({})
  const env = { LOG_DIR, LOG_MAX_BYTES: '1000000', LOG_FORMAT: 'json' }
  for (const how of ['exit', 'crash', 'end']) await run([how, '1000'], env)
  const lines = readFileSync(path.join(LOG_DIR, 'calendar.log'), 'utf8').trimEnd().split('\n')
  t.equal(lines.length, 3000)
  for (const line of lines) JSON.parse(line)
})

t.test('a single line longer than a file has one of its own', async (t) => {
  const folder = t.testdir({})
  const sink = fileSink(folder, 'x', 10, 9)
  t.equal(sink.write(Buffer.from('1\n2\n12345678901234\n3\n')), 21)
  const texts = readdirSync(folder).map((file) => readFileSync(path.join(folder, file), 'utf8'))
  t.same(texts.sort(), ['1\n2\n', '12345678901234\n', '3\n'])
  const one = fileSink(folder, 'one', 10, 1)
  one.write(Buffer.from('12345678\n12345678\n'))
  t.equal(readFileSync(path.join(folder, 'one.log'), 'utf8'), '12345678\n', 'a single file starts afresh')
})

t.test('what cannot be logged as it is does no harm', async (t) => {
  const round: Record<string, unknown> = {}
  round.self = round
  t.doesNotThrow(() => JSON.stringify(loggable(round)))
  t.same(loggable([undefined, null, 1, 'a', true]), [undefined, null, 1, 'a', true])
  t.equal((loggable(Array(1000).fill(1)) as unknown[]).length, 100)
})

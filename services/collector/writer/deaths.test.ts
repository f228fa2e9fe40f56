import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { EXIT } from '#shared/start.ts'

const urlOf = (file: string) => JSON.stringify(pathToFileURL(path.join(import.meta.dirname, file)).href)
const shared = (file: string) => urlOf(path.join('..', '..', '..', 'shared', file))

/** A writer that is ready and dies at once, and leaves a letter for each of its lives. */
const ENTRY = (lives: string) => `
  import { appendFileSync } from 'node:fs'
  import { parentPort } from 'node:worker_threads'
  appendFileSync(${JSON.stringify(lives)}, 'x')
  parentPort.postMessage({ ready: true })
  setTimeout(() => { throw new Error('it dies') }, 1)`

const PROCESS = (entry: string) => `
  import { readConfig } from ${shared('config.ts')}
  import { createLogger } from ${shared('logger.ts')}
  import { settings } from ${urlOf('../config.ts')}
  import { startWriterThread } from ${urlOf('thread.ts')}
  const config = readConfig(settings, { NODE_ENV: 'test', LOG_LEVEL: 'fatal', LOG_FORMAT: 'json' })
  const entry = new URL(${JSON.stringify(pathToFileURL(entry).href)})
  await startWriterThread({ config, logger: createLogger('collector', config), entry })
  setInterval(() => {}, 1000)`

t.test('a process whose writer died more than five times in a minute ends, so that it is started anew', async (t) => {
  const folder = t.testdir({})
  const [lives, entry, main] = ['lives', 'entry.mjs', 'main.mjs'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(entry, ENTRY(lives))
  writeFileSync(main, PROCESS(entry))
  const child = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()))
  const [code] = (await once(child, 'close')) as [number]
  t.equal(code, EXIT.failed, said)
  t.match(said, /the writer keeps dying/)
  t.equal(readFileSync(lives, 'utf8'), 'x'.repeat(6), 'it had five chances')
})

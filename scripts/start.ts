import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { PORTS, type ProcessName } from '#shared/ports.ts'
import { monitorKey } from './start/monitor-key.ts'
import { createSupervisor } from './start/supervisor.ts'
import { startTable } from './start/table.ts'
import { restartOnChange } from './start/watch.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { watch: { type: 'boolean', default: false } },
})
const all = Object.keys(PORTS) as ProcessName[]
const unknown = positionals.filter((name) => !(name in PORTS))
if (unknown.length > 0) {
  console.error(`There is no process ${unknown.join(', ')}; there are ${all.join(', ')}.`)
  process.exit(64)
}
const names = positionals.length === 0 ? all : (positionals as ProcessName[])

const socketDir = process.env.SOCKET_DIR || (names.length > 1 ? mkdtempSync(path.join(tmpdir(), 'najimban-')) : '')
const removeSockets = () => {
  if (socketDir !== '' && !process.env.SOCKET_DIR) rmSync(socketDir, { recursive: true, force: true })
}
process.on('exit', removeSockets)

let key: string
try {
  key = process.env.MONITOR_KEY || monitorKey(process.env.DATA_DIR || 'data')
} catch (error) {
  console.error(`cannot write to the data folder: ${(error as Error).message}; set DATA_DIR to another`)
  process.exit(1)
}

const env: NodeJS.ProcessEnv = {
  // One malloc arena a process instead of one a thread: less memory, and these processes have one busy thread.
  MALLOC_ARENA_MAX: '1',
  ...process.env,
  // In production it is the operator's, like every secret: the processes refuse to start without it.
  ...(process.env.NODE_ENV === 'production' || process.env.INTERNAL_SECRET
    ? {}
    : { INTERNAL_SECRET: randomBytes(32).toString('hex') }),
  MONITOR_KEY: key,
  ...(socketDir === '' ? {} : { SOCKET_DIR: socketDir }),
}

/** Shown below the table; undefined when that is there. */
let announcements: string[] | undefined = []

const supervisor = createSupervisor({
  fileOf: (name) =>
    path.join(import.meta.dirname, '..', name === 'gateway' ? 'gateway' : `services/${name}`, 'main.ts'),
  env,
  editing: values.watch,
  faultsOf: (those) =>
    spawnSync(process.execPath, [path.join(import.meta.dirname, 'start', 'faults.ts'), ...those], {
      env,
      encoding: 'utf8',
    }).stderr,
  announce: (text) => void (announcements === undefined ? process.stdout.write(text) : announcements.push(text)),
  end: (code, reason) => {
    if (reason !== undefined) console.error(reason)
    process.exit(code)
  },
})

process.on('SIGTERM', () => void supervisor.stop())
process.on('SIGINT', () => void supervisor.stop())
process.on('SIGHUP', () => void supervisor.restartServices())

const startedAt = performance.now()
// Services first: the gateway listens only when what it stands for is ready.
const services = names.filter((name) => name !== 'gateway')
const ready = await supervisor.start(services)
if (names.includes('gateway')) ready.push(...(await supervisor.start(['gateway'])))
const access = process.env.ACCESS || (process.env.NODE_ENV === 'production' ? 'required' : 'open')
console.log(
  startTable(ready, {
    host: process.env.HOST || '127.0.0.1',
    ms: performance.now() - startedAt,
    access: access === 'open' ? 'open' : 'required',
  }),
)
process.stdout.write(announcements.join(''))
announcements = undefined
globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
if (values.watch) restartOnChange(names, (changed) => supervisor.restart(changed))

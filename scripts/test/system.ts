import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { ADMIN_PORT_OFFSET, PORTS, type ProcessName } from '#shared/ports.ts'
import { until } from '#shared/test/until.ts'
import { freePorts } from './ports.ts'

const SCRIPTS = path.join(import.meta.dirname, '..')
/** What `npm start` runs. */
const START = ['--import', path.join(SCRIPTS, 'start', 'preload.mjs'), path.join(SCRIPTS, 'start.ts')]
const NAMES = Object.keys(PORTS) as ProcessName[]
const READY_MS = 40_000
const STOP_MS = 20_000

/** scripts/start.ts as a process of its own, with what it says. */
export interface Started {
  supervisor: ChildProcess
  /** Everything it and its children wrote so far. */
  output(): string
  /** Its exit code (or the signal that ended it), once it is gone. */
  exited: Promise<number | NodeJS.Signals>
  /** SIGTERM, and SIGKILL when that takes too long. */
  stop(): Promise<number | NodeJS.Signals>
}

/** A running system: base URLs, without a slash at the end. */
export interface System extends Started, Record<ProcessName, string> {
  /** Base URLs of the admin listeners. */
  admin: Record<ProcessName, string>
  ports: Record<ProcessName, number>
  dataDir: string
  pidOf(name: ProcessName): Promise<number>
}

/**
 * Runs scripts/start.ts and waits for nothing; it is stopped when the test ends.
 * @param env settings over the environment of the test
 * @param names processes to start, all without it
 */
export function runStart(t: Test, env: Record<string, string>, names: readonly string[] = []): Started {
  const supervisor = spawn(process.execPath, [...START, ...names], {
    env: { ...process.env, NODE_ENV: 'test', LOG_LEVEL: 'warn', LOG_FORMAT: 'json', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [supervisor.stdout, supervisor.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => (text += part))
  }
  const exited = once(supervisor, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  const stop = async () => {
    supervisor.kill('SIGTERM')
    const timer = setTimeout(() => supervisor.kill('SIGKILL'), STOP_MS)
    const how = await exited
    clearTimeout(timer)
    return how
  }
  t.teardown(stop)
  return { supervisor, output: () => text, exited, stop }
}

/** The settings that put every process on a free port and its files into a folder of the test. */
export async function systemSettings(t: Test) {
  const ports = await freePorts()
  const folder = mkdtempSync(path.join(tmpdir(), 'najimban-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const dataDir = path.join(folder, 'data')
  const env = {
    DATA_DIR: dataDir,
    GATEWAY_PORT: String(ports.gateway),
    CALENDAR_PORT: String(ports.calendar),
    DIARY_PORT: String(ports.diary),
    COLLECTOR_PORT: String(ports.collector),
    IDENTITY_PORT: String(ports.identity),
  }
  return { ports, dataDir, env }
}

/**
 * Starts the whole system with scripts/start.ts on free ports and an empty data folder, waits until it is ready, and
 * stops it when the test ends.
 * @param env settings that differ from the defaults
 * @param names processes to start, all without it
 */
export async function startSystem(
  t: Test,
  env: Record<string, string> = {},
  names: readonly ProcessName[] = [],
): Promise<System> {
  const { ports, dataDir, env: settings } = await systemSettings(t)
  const started = runStart(t, { ...settings, ...env }, names)
  const { supervisor, output } = started
  await until('the system to be ready', () => output().includes('Ready in') || supervisor.exitCode !== null, READY_MS)
  if (supervisor.exitCode !== null) throw new Error(`the system ended before it was ready: ${output()}`)
  const bases = (offset: number) =>
    Object.fromEntries(NAMES.map((name) => [name, `http://127.0.0.1:${ports[name] + offset}`])) as System['admin']
  const admin = bases(ADMIN_PORT_OFFSET)
  return {
    ...started,
    ...bases(0),
    admin,
    ports,
    dataDir: env.DATA_DIR ?? dataDir,
    pidOf: async (name) => {
      const details = (await (await fetch(`${admin[name]}/health`)).json()) as { process: { pid: number } }
      return details.process.pid
    },
  }
}

import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ADMIN_PORT_OFFSET, PORTS, type ProcessName } from '#shared/ports.ts'
import { freePort } from '../lab/ports.ts'
import { answers, lastLines, start, type Running } from '../lab/process.ts'
import { familyOf } from '../lab/usage.ts'
import { ROOT, type Lab } from './lab.ts'

/** Tenants of the collector: lists are read of one while the other writes. */
export const READER_KEY = { 'x-tenant': 'reader', 'x-api-key': 'reader-key' }
export const WRITER_KEY = { 'x-tenant': 'writer', 'x-api-key': 'writer-key' }

/** Limits work, count and answer, but nobody reaches them. */
const UNREACHED = '1000000000'
const LIMITS = Object.fromEntries(
  ['GENERAL', 'WRITE', 'UPLOAD', 'LOGIN', 'INGEST'].map((name) => [`RATE_LIMIT_${name}`, UNREACHED]),
)

/** Programs are measured as in production, which wants secrets of its own. */
const SECRETS = {
  INTERNAL_SECRET: randomBytes(32).toString('hex'),
  ENCRYPTION_KEYS: `bench:${randomBytes(32).toString('base64')}`,
}

export type Ports = Record<ProcessName, number>

export async function freePorts(): Promise<Ports> {
  const ports = {} as Ports
  for (const name of Object.keys(PORTS) as ProcessName[]) ports[name] = await freePort()
  return ports
}

/** The settings of a run: everything on, in a folder of its own. */
export function settingsOf(ports: Ports, folder: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  mkdirSync(folder, { recursive: true })
  return {
    ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [`${name.toUpperCase()}_PORT`, String(port)])),
    ...LIMITS,
    HOST: '127.0.0.1',
    DATA_DIR: folder,
    API_KEYS: 'reader:reader-key,writer:writer-key',
    ACCESS: 'open',
    ...SECRETS,
    ...more,
  }
}

export const adminUrlOf = (port: number) => `http://127.0.0.1:${port + ADMIN_PORT_OFFSET}`
export const readyUrlOf = (port: number) => `${adminUrlOf(port)}/health/ready`

/** Some of our processes and what started them. */
export interface Ours {
  /** Of each process; the one that started them is not among them. */
  pids: Partial<Record<ProcessName, number>>
  parent: Running
  /** File with what they printed. */
  log: string
  /** From the start to the moment when all were seen ready. */
  ms: number
}

const READY_MS = 30_000
const POLL_MS = 10

const commandOf = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

/** What `npm start` gives to Node. @throws Error when the script has another form */
function startArguments(): string[] {
  const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    scripts: { start: string }
  }
  const [, given] = /^exec node (.+)$/.exec(scripts.start) ?? []
  if (given === undefined) throw new Error('package.json: the script "start" must be "exec node ..."')
  return given.split(' ')
}

/** Starts some of our processes as `npm start` does and waits until each says that it is ready. */
export async function startOurs(
  lab: Lab,
  names: ProcessName[],
  { ports, env, core }: { ports: Ports; env: NodeJS.ProcessEnv; core?: 0 | 1 },
): Promise<Ours> {
  const log = path.join(lab.folder, `${names.join('-')}-${ports.gateway}.log`)
  const startedAt = performance.now()
  const parent = await start({
    name: names.join(' + '),
    command: process.execPath,
    args: [...startArguments(), ...names],
    cwd: ROOT,
    env,
    core,
    log,
  })
  for (const name of names) {
    while (!(await answers(readyUrlOf(ports[name])))) {
      if (parent.child.exitCode !== null || performance.now() - startedAt > READY_MS) {
        await parent.stop()
        throw new Error(`${name} does not start:\n${lastLines(log)}`)
      }
      await pause(POLL_MS)
    }
  }
  const ms = performance.now() - startedAt
  const family = familyOf(parent.pid)
  const pidOf = (name: ProcessName) => family.find((pid) => commandOf(pid).includes(`/${name}/main.ts`))
  return { pids: Object.fromEntries(names.map((name) => [name, pidOf(name)])), parent, log, ms }
}

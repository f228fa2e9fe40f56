import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'

export const has = (program: string): boolean => spawnSync('which', [program]).status === 0

/** Load on one core, what is measured on another, when there are two and a program to say so. */
export const pinned = process.platform === 'linux' && availableParallelism() > 1 && has('taskset')

export interface Command {
  name: string
  command: string
  args: string[]
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** Core it is bound to: 0 makes the load, 1 is measured; every core without it. */
  core?: 0 | 1
  /** File that takes what it prints, its access log as well. */
  log: string
  /** URL that answers 200 once it is ready. */
  readyUrl?: string
}

export interface Running {
  name: string
  pid: number
  child: ChildProcess
  ended: Promise<unknown>
  stop(): Promise<void>
}

const READY_MS = 20_000
const POLL_MS = 20
const STOP_MS = 20_000

const running = new Set<Running>()

export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
    await response.arrayBuffer()
    return response.status === 200
  } catch {
    return false
  }
}

/** What a program said last. */
export const lastLines = (file: string) => readFileSync(file, 'utf8').trim().split('\n').slice(-5).join('\n')

/** Starts a program and waits until it is ready. @throws Error with its last lines when it is not */
export async function start(options: Command): Promise<Running> {
  const { name, command, args, env = {}, cwd, core, log, readyUrl } = options
  const pin = pinned && core !== undefined ? ['taskset', '-c', String(core)] : []
  const [program, ...rest] = [...pin, command, ...args] as [string, ...string[]]
  const out = openSync(log, 'a')
  const child = spawn(program, rest, {
    cwd,
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdio: ['ignore', out, out, 'ipc'],
  })
  closeSync(out)
  await once(child, 'spawn')
  const ended = once(child, 'exit')
  const entry: Running = {
    name,
    pid: child.pid as number,
    child,
    ended,
    async stop() {
      running.delete(entry)
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await ended
      clearTimeout(late)
    },
  }
  running.add(entry)
  const deadline = Date.now() + READY_MS
  while (readyUrl !== undefined && !(await answers(readyUrl))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await entry.stop()
      throw new Error(`${name} does not start:\n${lastLines(log)}`)
    }
    await pause(POLL_MS)
  }
  return entry
}

/** Ends everything that was started, in the reverse order. */
export async function stopAll(): Promise<void> {
  for (const entry of [...running].reverse()) await entry.stop()
}

/** The last resort, when this process itself is ending. */
export function killAll(): void {
  for (const { child } of running) child.kill('SIGKILL')
}

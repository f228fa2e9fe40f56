import { fork, type ChildProcess } from 'node:child_process'
import type { ProcessName } from '#shared/ports.ts'

/** A process that listens. */
export interface Ready {
  name: ProcessName
  port: number
  adminPort: number
}

export interface SupervisorOptions {
  fileOf(name: ProcessName): string
  env: NodeJS.ProcessEnv
  /** Somebody is editing: a process that dies waits for the next change instead of being started again. */
  editing?: boolean
  /** Why processes refuse their settings, all of them, each reason once; nothing when it is not their settings. */
  faultsOf(names: ProcessName[]): string
  /** What a process has to say to the person who started it, and to nobody else: never to a log. */
  announce(text: string): void
  /** Ends the supervisor itself. */
  end(code: number, reason?: string): void
}

export type Supervisor = ReturnType<typeof createSupervisor>

const READY_TIMEOUT_MS = 30_000
/** Longest wait for a child to drain before it is killed; longer than the children's own DRAIN_TIMEOUT_MS. */
const STOP_SLACK_MS = 5000
const DRAIN_MS = 10_000
const BACKOFF_FIRST_MS = 100
const BACKOFF_MAX_MS = 5000
/** So many ends within so long are a crash loop. */
const CRASH_LOOP_COUNT = 5
const CRASH_LOOP_MS = 30_000
/** The child refused its settings, its port or its file (sysexits.h EX_CONFIG): starting it again would not help. */
const EXIT_CONFIG = 78

interface Child {
  process: ChildProcess
  ready: Promise<Ready>
  exited: Promise<void>
  /** Its end is somebody else's to deal with: it was asked for, or the first start waits for it. */
  expected: boolean
  lastWords: string[]
}

/** What a dying process said: its error, not the stack or the runtime's version below it. */
const reasonIn = (lines: string[]): string =>
  lines.findLast((line) => /\b\w*Error\b/.test(line)) ?? lines.at(-1) ?? 'no last words'

/** Thousands of reports a second leave much behind: with these bounds V8 looks for it sooner. */
const LEAN: Partial<Record<ProcessName, { flags: string[]; env: NodeJS.ProcessEnv }>> = {
  collector: {
    flags: ['--max-semi-space-size=8', '--max-old-space-size=512', '--no-parallel-scavenge'],
    env: { MALLOC_ARENA_MAX: '2' },
  },
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Starts processes, starts those again that die, and ends them in order: the gateway first, then the services. */
export function createSupervisor({ fileOf, env, editing = false, faultsOf, announce, end }: SupervisorOptions) {
  const children = new Map<ProcessName, Child>()
  const crashes = new Map<ProcessName, number[]>()
  let stopping = false
  /** What processes say while they start: five that refuse the same setting need not say so five times. */
  let held: string[] | undefined
  const say = (line: string) => void (held === undefined ? process.stderr.write(line) : held.push(line))

  function spawn(name: ProcessName, expected = false): Child {
    const { flags = [], env: own = {} } = LEAN[name] ?? {}
    const child = fork(fileOf(name), {
      env: { ...env, ...own },
      execArgv: ['--expose-gc', ...flags],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    const lastWords: string[] = []
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter((part) => part !== '')) {
        lastWords.push(line)
        if (lastWords.length > 20) lastWords.shift()
        if (!stopping) say(line.startsWith(`${name}: `) ? `${line}\n` : `${name}: ${line}\n`)
      }
    })
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const ready = new Promise<Ready>((resolve, reject) => {
      child.on('message', (message: { ready?: ProcessName; port: number; adminPort: number; announce?: string }) => {
        if (message.announce !== undefined) announce(message.announce)
        if (message.ready === name) resolve({ name, port: message.port, adminPort: message.adminPort })
      })
      child.once('exit', (code, signal) => {
        // One that refused its settings has said so itself.
        reject(new Error(code === EXIT_CONFIG ? '' : `${name} ended before it was ready (${signal ?? `exit ${code}`})`))
      })
      child.once('error', reject)
    })
    ready.catch(() => undefined)
    const entry: Child = { process: child, ready, exited, expected, lastWords }
    children.set(name, entry)
    child.once('exit', (code, signal) => onExit(name, entry, code, signal))
    return entry
  }

  function onExit(name: ProcessName, entry: Child, code: number | null, signal: string | null): void {
    if (entry.expected || stopping) return
    if (editing) return void process.stderr.write(`${name} ended (${signal ?? `exit ${code}`}); waiting for a change\n`)
    if (code === EXIT_CONFIG) return void giveUp(`${name} cannot start again`)
    const now = Date.now()
    const recent = [...(crashes.get(name) ?? []), now].filter((at) => now - at < CRASH_LOOP_MS)
    crashes.set(name, recent)
    const how = signal ?? `exit ${code}`
    if (recent.length >= CRASH_LOOP_COUNT) {
      return void giveUp(
        `${name} ended ${recent.length} times in ${CRASH_LOOP_MS / 1000} s (${how}): ${reasonIn(entry.lastWords)}`,
      )
    }
    // A clean end (somebody sent SIGTERM to restart it) costs no wait.
    const clean = code === 0 && recent.length === 1
    const wait = clean ? 0 : Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (recent.length - 1))
    process.stderr.write(`${name} ended (${how}); starting it again in ${wait} ms\n`)
    setTimeout(() => {
      // A restart that was asked for meanwhile has started it already.
      if (!stopping && children.get(name) === entry) spawn(name)
    }, wait)
  }

  async function giveUp(reason: string): Promise<void> {
    if (stopping) return
    await stopChildren()
    end(1, reason === '' ? undefined : reason)
  }

  /** SIGTERM, then SIGKILL for one that does not drain in time. */
  async function endChild(name: ProcessName): Promise<void> {
    const child = children.get(name)
    if (child === undefined || child.process.exitCode !== null || child.process.signalCode !== null) return
    child.expected = true
    child.process.kill('SIGTERM')
    const drain = Number(env.DRAIN_TIMEOUT_MS) || DRAIN_MS
    const timer = setTimeout(() => child.process.kill('SIGKILL'), drain + STOP_SLACK_MS)
    await child.exited
    clearTimeout(timer)
  }

  async function stopChildren(): Promise<void> {
    stopping = true
    await endChild('gateway')
    // Identity is last: the others hand it their last audit entries.
    await Promise.all([...children.keys()].filter((name) => name !== 'identity').map(endChild))
    await endChild('identity')
  }

  async function restart(names: ProcessName[]): Promise<void> {
    for (const name of names) {
      if (stopping) return
      await endChild(name)
      await spawn(name).ready.catch(() => undefined)
    }
  }

  return {
    /** Starts processes side by side; resolves when all listen. A process that does not is the end of everything. */
    async start(names: ProcessName[]): Promise<Ready[]> {
      const late = pause(READY_TIMEOUT_MS).then(() => {
        throw new Error(`not ready within ${READY_TIMEOUT_MS / 1000} s`)
      })
      late.catch(() => undefined)
      held = []
      const tell = (text = held?.join('') ?? '') => {
        held = undefined
        process.stderr.write(text)
      }
      try {
        const starting = names.map((name) => spawn(name, true))
        const ready = await Promise.race([Promise.all(starting.map((child) => child.ready)), late])
        for (const child of starting) child.expected = false
        tell()
        return ready
      } catch (error) {
        const reason = (error as Error).message
        tell((reason === '' && faultsOf(names)) || undefined)
        await giveUp(reason)
        return new Promise(() => undefined)
      }
    },
    /** Ends and starts processes one after the other, so that only one is away at a time. */
    restart,
    /**
     * The same for every service, while the gateway holds the requests for the one that is away. It stays itself: its
     * clients' connections would break.
     */
    restartServices: () => restart([...children.keys()].filter((name) => name !== 'gateway')),
    /** Drains everything, the gateway first and identity last, and ends with 0. */
    async stop(): Promise<void> {
      if (stopping) return
      await stopChildren()
      end(0)
    },
  }
}

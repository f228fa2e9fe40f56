import { readFileSync } from 'node:fs'
import { stat, statfs } from 'node:fs/promises'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isDatabaseUsable, type Database } from './database.ts'

export type Health = ReturnType<typeof createHealth>

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
export const VERSION = version

const DATABASE_CHECK_MS = 1000
/** The event-loop delay is that of the last minute or less: one stall at the start must not show for ever. */
const LOOP_WINDOW_MS = 60_000

const sizeOf = async (file: string) => (await stat(file).catch(() => ({ size: 0 }))).size

/**
 * What a process knows about itself. It is ready when it listens, is not draining and its database is usable.
 * @param name what it is called in `/health`
 */
export function createHealth(name: string, database?: Database) {
  const loop = monitorEventLoopDelay({ resolution: 20 })
  loop.enable()
  let state: 'starting' | 'ready' | 'draining' = 'starting'
  let usable = true
  const drainListeners: (() => void)[] = []
  let ask = database === undefined ? undefined : () => isDatabaseUsable(database)
  const check = async () => {
    if (ask !== undefined) usable = await ask()
  }
  void check()
  const timer = setInterval(() => void check(), DATABASE_CHECK_MS).unref()
  const window = setInterval(() => loop.reset(), LOOP_WINDOW_MS).unref()
  const ms = (ns: number) => (Number.isFinite(ns) ? Math.round(ns / 1e4) / 100 : 0)

  const health = {
    name,
    check,
    /** Asks about a database that is no file of this process; done when the first answer is there. */
    watch: (isUsable: () => Promise<boolean>): Promise<void> => {
      ask = isUsable
      return check()
    },
    setReady: () => {
      state = 'ready'
      loop.reset()
    },
    setDraining: () => {
      state = 'draining'
      for (const listener of drainListeners) listener()
    },
    /** Calls `listener` when the process begins to stop: answers that were held back must not hold it up. */
    onDraining: (listener: () => void): void => void drainListeners.push(listener),
    isDraining: () => state === 'draining',
    isDatabaseUsable: () => usable,
    stop: () => {
      clearInterval(timer)
      clearInterval(window)
      loop.disable()
    },
    /** Why it is not ready, undefined when it is. */
    unreadiness: (): string | undefined => {
      if (state !== 'ready') return state
      return usable ? undefined : 'the database is not usable'
    },
    /** Everything that an operator wants to know; only the admin listener shows it. */
    details: async () => {
      const reason = health.unreadiness()
      const memory = process.memoryUsage()
      return {
        status: reason === undefined ? 'healthy' : 'unhealthy',
        service: name,
        version: VERSION,
        timestamp: new Date().toISOString(),
        uptime: process.uptime(),
        ready: reason === undefined,
        ...(reason === undefined ? {} : { reason }),
        process: {
          pid: process.pid,
          node: process.version,
          rss_bytes: memory.rss,
          heap_used_bytes: memory.heapUsed,
          event_loop_delay_ms: {
            mean: ms(loop.mean),
            p50: ms(loop.percentile(50)),
            p99: ms(loop.percentile(99)),
            max: ms(loop.max),
          },
        },
        ...(database === undefined || database.memory ? {} : { storage: await storageOf(database.name) }),
      }
    },
  }
  return health
}

async function storageOf(file: string) {
  const disk = await statfs(path.dirname(file)).catch(() => ({ bavail: 0, blocks: 0, bsize: 0 }))
  return {
    file,
    file_bytes: await sizeOf(file),
    wal_bytes: await sizeOf(`${file}-wal`),
    disk_free_bytes: disk.bavail * disk.bsize,
    disk_total_bytes: disk.blocks * disk.bsize,
  }
}

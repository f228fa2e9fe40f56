import { mkdirSync, rmdirSync, rmSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { adminSocketOf, socketPathOf } from './addresses.ts'
import { createAdminServer, type AdminPage } from './admin.ts'
import { adminHost, ConfigError, readConfig, type CommonConfig, type Settings } from './config.ts'
import { DatabaseRefused, type Database } from './database.ts'
import { createHealth, type Health } from './health.ts'
import { createLogger, type Logger } from './logger.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { ADMIN_PORT_OFFSET, HEALTH_NAMES, type ProcessName } from './ports.ts'
import type { App } from './server.ts'

/** What every builder gets beside its config. */
export interface Deps {
  logger: Logger
  metrics: Metrics
  health: Health
  database?: Database
}

/** What a builder makes; it never listens. */
export interface Built {
  app: App
  adminPages?: Record<string, AdminPage>
  /** Releases what the app holds, after the last request was answered. */
  close?(): Promise<void> | void
}

export interface ProcessOptions<C extends CommonConfig> {
  name: ProcessName
  settings: Settings<C>
  port: (config: C) => number
  /** Undefined when it uses none of its own. */
  openDatabase?: (config: C) => Database | undefined
  build: (config: C, deps: Deps) => Built | Promise<Built>
}

/** Exit codes of a process (sysexits.h). */
export const EXIT = { ok: 0, failed: 1, config: 78, diskFailure: 74 } as const

/** Time in which idle keep-alive clients see `Connection: close` on an answer before the listener closes. */
const DRAIN_GRACE_MS = 250
const POLL_MS = 20

const listen = (server: Server, where: { port: number; host: string } | { path: string }) =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** One line for the person who started it, then the end. */
function refuseToStart(name: string, error: unknown): never {
  const known = error instanceof ConfigError || error instanceof DatabaseRefused
  const { code, port, address } = error as { code?: string; port?: number; address?: string }
  let reason = known ? error.message : ((error as Error).stack ?? String(error))
  if (code === 'EADDRINUSE') {
    const airplay = process.platform === 'darwin' && port === 5000 ? ' (on macOS AirPlay Receiver holds 5000)' : ''
    reason = `port ${port ?? address} is in use${airplay}; end the other program or set ${name.toUpperCase()}_PORT`
  } else if (code === 'EACCES' || code === 'EROFS' || code === 'SQLITE_CANTOPEN') {
    reason = `cannot write to the data folder: ${(error as Error).message}`
  }
  process.stderr.write(
    `${reason
      .split('\n')
      .map((line) => `${name}: ${line}`)
      .join('\n')}\n`,
  )
  process.exit(known || code !== undefined ? EXIT.config : EXIT.failed)
}

/**
 * Runs one process from its environment: reads the config, opens the database, listens on its port, its Unix socket and
 * its admin port, and drains on SIGTERM, SIGINT or when its parent is gone.
 */
export async function startProcess<C extends CommonConfig>(options: ProcessOptions<C>): Promise<void> {
  const { name } = options
  process.umask(0o077)
  try {
    const config = readConfig(options.settings, process.env)
    const logger = createLogger(name, config)
    const database = options.openDatabase?.(config)
    const metrics = createMetrics(name)
    const health = createHealth(HEALTH_NAMES[name], database)
    const built = await options.build(config, {
      logger,
      metrics,
      health,
      ...(database === undefined ? {} : { database }),
    })
    const admin = createAdminServer(health, metrics, built.adminPages)
    const port = options.port(config)
    await built.app.listen({ port, host: config.HOST })
    await listen(admin, { port: port === 0 ? 0 : port + ADMIN_PORT_OFFSET, host: adminHost(config.HOST) })
    const locals = await listenOnSockets(built.app, admin, config, name)
    health.setReady()
    const listening = { port: portOf(built.app.server), adminPort: portOf(admin) }
    logger.info(listening, 'ready')
    stopOnSignal({ ...built, config, logger, health, admin, locals, database })
    process.send?.({ ready: name, ...listening })
    returnStartUpMemory()
  } catch (error) {
    refuseToStart(name, error)
  }
}

/** Loading the code leaves 15 MB of garbage and one-time bytecode in each process: given back once, when it is ready. */
function returnStartUpMemory(): void {
  setImmediate(() => globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' }))
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** The same app on a Unix socket, cheaper than TCP for a gateway on this machine, and the admin pages on another. */
async function listenOnSockets(app: App, admin: Server, config: CommonConfig, name: ProcessName): Promise<Server[]> {
  const file = socketPathOf(config, name)
  if (file === undefined) return []
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  const { headersTimeout, keepAliveTimeout } = app.server
  // Only the gateway is here, and it cuts who is too slow: Node's own five minutes would cut a photo over a slow line.
  const main = createHttpServer({ headersTimeout, keepAliveTimeout, requestTimeout: 0 }, app.routing)
  const pages = createHttpServer(admin.listeners('request')[0] as RequestListener)
  for (const [server, socket] of [
    [main, file],
    [pages, adminSocketOf(file)],
  ] as const) {
    rmSync(socket, { force: true })
    await listen(server, { path: socket })
  }
  return [main, pages]
}

interface Running extends Built {
  config: CommonConfig
  logger: Logger
  health: Health
  admin: Server
  locals: Server[]
  database: Database | undefined
}

function stopOnSignal(running: Running): void {
  let stopping = false
  const stop = (reason: string) => {
    if (stopping) return
    stopping = true
    running.logger.info({ reason }, 'draining')
    drain(running).then(
      () => process.exit(EXIT.ok),
      (error: unknown) => {
        running.logger.error({ err: error }, 'drain failed')
        process.exit(EXIT.failed)
      },
    )
  }
  process.on('SIGTERM', () => stop('SIGTERM'))
  // Ctrl-C reaches the whole process group; a child waits for its parent, which stops the gateway first.
  process.on('SIGINT', () => process.send === undefined && stop('SIGINT'))
  process.on('disconnect', () => {
    // Nobody else is left to remove the folder of the sockets; the last process succeeds.
    process.once('exit', () => removeWhenEmpty(running.config.SOCKET_DIR))
    stop('the parent process is gone')
  })
  const crash = (error: unknown) => {
    running.logger.fatal({ err: error }, 'unexpected error')
    process.exit(EXIT.failed)
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
}

function removeWhenEmpty(folder: string | undefined): void {
  try {
    if (folder !== undefined) rmdirSync(folder)
  } catch {
    // others still use it
  }
}

/** Finishes what is under way, then closes everything; what still runs after DRAIN_TIMEOUT_MS is cut. */
async function drain({ app, admin, locals, close, database, health, config }: Running): Promise<void> {
  health.setDraining()
  const servers = [app.server, ...locals]
  await pause(DRAIN_GRACE_MS)
  const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)))
  const deadline = Date.now() + config.DRAIN_TIMEOUT_MS
  const idle = setInterval(() => servers.forEach((server) => server.closeIdleConnections()), POLL_MS)
  await Promise.race([Promise.all(closed), pause(Math.max(0, deadline - Date.now()))])
  clearInterval(idle)
  servers.forEach((server) => server.closeAllConnections())
  await app.close()
  await close?.()
  health.stop()
  database?.close()
  admin.close()
}

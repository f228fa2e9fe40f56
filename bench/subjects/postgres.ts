import pg from 'pg'
import { readdirSync, readFileSync } from 'node:fs'
import { startPostgres } from '../../services/collector/test/postgres-server.ts'

export interface Postgres {
  /** A database of a role that row-level security binds. */
  url: string
  /** Of the server, when it is one of our own. */
  pids: number[]
  stop(): Promise<void>
}

const ROLE = 'najimban_bench'
/** What the tests' server does without. */
const DURABLE = ['fsync=on', 'full_page_writes=on', 'synchronous_commit=on']

/** Processes that listen on this port as servers of PostgreSQL. */
const serversOn = (port: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const [program = '', ...args] = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')
        return program.endsWith('postgres') && args.includes(String(port))
      } catch {
        return false
      }
    })
    .map(Number)

async function prepare(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD '${ROLE}'`)
  await client.query(`CREATE DATABASE ${ROLE} OWNER ${ROLE}`)
  await client.end()
  return Object.assign(new URL(url), { username: ROLE, password: ROLE, pathname: `/${ROLE}` }).href
}

/**
 * The empty database in COLLECTOR_DATABASE_URL, whose CPU is not seen then; `embedded` there starts a server of our own.
 * Undefined without one: then only SQLite is measured.
 */
export async function openPostgres(): Promise<Postgres | undefined> {
  const { COLLECTOR_DATABASE_URL: url } = process.env
  if (url === undefined) return undefined
  if (url !== 'embedded') return { url, pids: [], stop: async () => {} }
  const server = await startPostgres(DURABLE)
  return { url: await prepare(server.url), pids: serversOn(server.port), stop: server.stop }
}

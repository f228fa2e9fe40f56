import pg from 'pg'
import { startPostgres } from '../../services/collector/test/postgres-server.ts'

export interface Postgres {
  /** A database of a role that row-level security binds. */
  url: string
  stop(): Promise<void>
}

const ROLE = 'najimban_bench'
/** What the tests' server does without. */
const DURABLE = ['fsync=on', 'full_page_writes=on', 'synchronous_commit=on']

async function prepare(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD '${ROLE}'`)
  await client.query(`CREATE DATABASE ${ROLE} OWNER ${ROLE}`)
  await client.end()
  return Object.assign(new URL(url), { username: ROLE, password: ROLE, pathname: `/${ROLE}` }).href
}

/**
 * The empty database in BENCH_DATABASE_URL; `embedded` there starts a server of our own.
 * Undefined without one: then only SQLite is measured.
 */
export async function openPostgres(): Promise<Postgres | undefined> {
  const { BENCH_DATABASE_URL: url } = process.env
  if (url === undefined) return undefined
  if (url !== 'embedded') return { url, stop: async () => {} }
  const server = await startPostgres(DURABLE)
  return { url: await prepare(server.url), stop: server.stop }
}

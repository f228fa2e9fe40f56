import type { Logger } from '#shared/logger.ts'
import type { Tenant } from '#shared/scope.ts'
import pg from 'pg'
import { isForgotten, isLost, NotConnected, problemOf } from './faults.ts'
import { decideNames } from './kept.ts'
import type { PostgresConfig } from './settings.ts'
import { sql, type Statement } from './sql.ts'
import { together, type Result } from './together.ts'

/** Statements about one tenant's rows: row-level security hides all others. */
export interface Queries {
  all<R>(statement: Statement): Promise<R[]>
  first<R>(statement: Statement): Promise<R | undefined>
  /** @returns how many rows it changed */
  run(statement: Statement): Promise<number>
}

/** What stores read through. */
export interface Access {
  of(tenant: Tenant): Queries
  /** Sees the rows of all tenants; for what is not a tenant's request. */
  everyTenant: Queries
}

export type Pool = ReturnType<typeof openPool>

/** Everybody's rows instead of one tenant's. */
export const EVERY_TENANT = Symbol('every tenant')
export type Scope = Tenant | typeof EVERY_TENANT

const NUMERIC_TYPES: ReadonlySet<number> = new Set([pg.types.builtins.INT8, pg.types.builtins.NUMERIC])
/** Sums and counts are far below 2^53, and come as numbers. */
const types = {
  getTypeParser: ((type: number, format?: 'text') =>
    NUMERIC_TYPES.has(type)
      ? Number
      : (pg.types.getTypeParser(type, format) as unknown)) as typeof pg.types.getTypeParser,
}

/** How much longer this side waits than the server: for it to say that it gave up. */
const GRACE_MS = 2000
const IDLE_MS = 30_000

/** A URL without its password, for logs. */
export function shownUrl(url: string): string {
  const shown = new URL(url)
  if (shown.password !== '') shown.password = '***'
  shown.search = ''
  return shown.href
}

/** Parameters of a connection, of the pool or of one of its own. */
export const connectionOf = (url: string, timeoutMs: number): pg.ClientConfig => ({
  connectionString: url,
  application_name: 'najimban-collector',
  connectionTimeoutMillis: timeoutMs,
  query_timeout: timeoutMs + GRACE_MS,
  keepAlive: true,
  types,
})

/** Connections to the database, and what every statement on them begins with. */
export function openPool(config: PostgresConfig & { COLLECTOR_DATABASE_URL: string }, logger: Pick<Logger, 'warn'>) {
  const { COLLECTOR_DATABASE_URL: url, COLLECTOR_DATABASE_TIMEOUT_MS: timeoutMs } = config
  const connections = new pg.Pool({
    ...connectionOf(url, timeoutMs),
    max: config.COLLECTOR_DATABASE_POOL,
    idleTimeoutMillis: IDLE_MS,
    // Waited for before anybody gets the connection.
    onConnect: (client) => decideNames(client, config.COLLECTOR_DATABASE_PREPARED),
  })
  // An idle connection that breaks is replaced; without a listener it would end the process.
  // The same for one that is in use and has nothing under way; who uses it hears of it at the next statement.
  connections.on('connect', (client) => client.on('error', () => undefined))
  connections.on('error', (error) => logger.warn({ reason: error.message }, 'a connection to the database was lost'))

  /**
   * Whose rows the transaction sees and how long its statements may take. They hold until its end (SET LOCAL), so that
   * whoever gets the connection next, also from a pooler, begins without.
   */
  const scopeOf = (scope: Scope): Statement =>
    sql`SELECT set_config('najimban.tenant', ${scope === EVERY_TENANT ? '' : scope}, true),
      set_config('najimban.every_tenant', ${scope === EVERY_TENANT ? 'on' : ''}, true),
      set_config('statement_timeout', ${String(timeoutMs)}, true)`

  /** @throws Problem for troubles of the database */
  async function connected<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await connections.connect().catch((error: unknown) => {
      throw new NotConnected(error)
    })
    let broken: Error | undefined
    try {
      return await work(client)
    } catch (error) {
      if (isLost(error) || isForgotten(error)) broken = error as Error
      throw error
    } finally {
      client.release(broken)
    }
  }

  /** One statement as a transaction of its own, in one round trip. A connection that had died meanwhile is tried again once. */
  async function query(scope: Scope, statement: Statement): Promise<Result> {
    const ask = () =>
      connected(async (client) => (await together(client, [scopeOf(scope), statement])).at(-1) as Result)
    try {
      return await ask().catch((error: unknown) => {
        if (isLost(error) && statement.parts[0]?.trimStart().startsWith('SELECT')) return ask()
        throw error
      })
    } catch (error) {
      throw problemOf(error)
    }
  }

  const queriesOf = (scope: Scope): Queries => ({
    all: async <R>(statement: Statement) => (await query(scope, statement)).rows as R[],
    first: async <R>(statement: Statement) => (await query(scope, statement)).rows[0] as R | undefined,
    run: async (statement) => (await query(scope, statement)).count,
  })

  return {
    of: queriesOf,
    everyTenant: queriesOf(EVERY_TENANT),
    scopeOf,
    connected,
    /** Whether the database answers, and takes writes. */
    isUsable: (): Promise<boolean> =>
      connected((client) => together(client, [sql`SELECT pg_is_in_recovery() AS standby`])).then(
        ([answer]) => (answer?.rows[0] as { standby: boolean } | undefined)?.standby === false,
        () => false,
      ),
    end: () => connections.end(),
  }
}

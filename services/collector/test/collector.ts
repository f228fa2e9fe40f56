import type { Database } from '#shared/database.ts'
import { asTenant } from '#shared/scope.ts'
import { testService } from '#shared/test/service.ts'
import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { collectorProcess, openEngine, serveCollector } from '../app.ts'
import type { CollectorConfig } from '../config.ts'
import type { Engine } from '../engine/engine.ts'
import { newReportId } from '../ingest/report-id.ts'
import { openCollectorDatabase } from '../migrations.ts'
import { valueOf } from '../writer/protocol.ts'
import { freshDatabase, ON_POSTGRES, poolOf } from './postgres.ts'

export { SQLITE_ONLY } from './postgres.ts'

const API_KEYS = 'default:collector-key,teamA:teamA-key,teamA:teamA-other:sender,teamB:teamB-key'

export interface Asked {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD'
  payload?: unknown
  headers?: Record<string, string>
}

export const DEFAULT_KEY = { 'x-tenant': 'default', 'x-api-key': 'collector-key' }
export const TEAM_A = { 'x-tenant': 'teamA', 'x-api-key': 'teamA-key' }
export const TEAM_A_SENDER = { 'x-tenant': 'teamA', 'x-api-key': 'teamA-other' }
export const TEAM_B = { 'x-tenant': 'teamB', 'x-api-key': 'teamB-key' }

/** A report whose evaluations have these severities. */
export const judged = (...severities: string[]) => ({
  status: { api: 'pass' },
  policy: { evaluations: severities.map((severity) => ({ severity, rule: 'r', result: 'x' })) },
})

/** Of those that share a database but no folder, where each would make a key of its own. */
const REPLICA_KEYS = `replicas:${randomBytes(32).toString('base64')}`

/** Databases of this process by the folder that stands for them: a test that starts a second collector there means the same one. */
const databases = new Map<string, string>()

const databaseOf = async (t: Test, folder = ''): Promise<string> => databases.get(folder) ?? (await freshDatabase(t))

/** The test's own connection, beside those of the service. */
function connect(t: Test, config: CollectorConfig) {
  const { COLLECTOR_DATABASE_URL: url } = config
  if (url !== undefined) {
    const pool = poolOf(url)
    t.teardown(() => pool.end())
    return {
      rows: (text: string, values: readonly unknown[]) => pool.everyTenant.all({ parts: text.split('?'), values }),
    }
  }
  const database = openCollectorDatabase(config)
  t.teardown(() => database.close())
  const rows = async (text: string, values: readonly unknown[]): Promise<unknown[]> => {
    const statement = database.prepare(text)
    if (statement.reader) return statement.all(...values)
    statement.run(...values)
    return []
  }
  return { database, rows }
}

/** A collector with four keys; `ask` sends as the tenant default, `ingest` answers the new report's id. */
export async function collector(t: Test, env: Record<string, string> = {}) {
  let engine: Engine | undefined
  const url = ON_POSTGRES ? await databaseOf(t, env.DATA_DIR) : undefined
  const service = await testService(
    t,
    {
      ...collectorProcess,
      build: async (config, deps) => serveCollector(config, deps, (engine = await openEngine(config, deps))),
    },
    {
      API_KEYS,
      ...(url === undefined ? {} : { COLLECTOR_DATABASE_URL: url }),
      ...(env.DATA_DIR === undefined && 'COLLECTOR_DATABASE_URL' in env ? { ENCRYPTION_KEYS: REPLICA_KEYS } : {}),
      ...env,
    },
  )
  const { writer, stores, versions } = engine as Engine
  if (url !== undefined) databases.set(service.dataDir, url)
  const own = connect(t, service.config)
  /** Rows of a query on the tables, whose names have no capitals in the answer of PostgreSQL: name what you read. */
  const sql = async <R = unknown>(text: string, ...given: unknown[]) => (await own.rows(text, given)) as R[]
  const ask = (url: string, { method = 'GET', payload, headers = {} }: Asked = {}) =>
    service.app.inject({
      method,
      url,
      headers: { ...DEFAULT_KEY, ...headers },
      ...(payload === undefined ? {} : { payload: payload as object }),
    })
  const ingest = async (payload: unknown = { status: { api: 'pass' } }, headers: Record<string, string> = {}) => {
    const answer = await ask('/ingest/qc', { method: 'POST', payload, headers })
    t.equal(answer.statusCode, 201, answer.body)
    return answer.json<{ id: string }>().id
  }
  /** Stores a report of the tenant as if it had come at that time (milliseconds since 1970). */
  const ingestAt = async (createdAt: number, payload: object = { status: { api: 'pass' } }, tenant = 'default') => {
    const restored = { id: newReportId(createdAt), createdAt }
    const [outcome] = await writer.ingest([{ tenantId: asTenant(tenant), text: JSON.stringify(payload), restored }])
    t.match(valueOf(outcome as NonNullable<typeof outcome>), { id: restored.id })
    return restored.id
  }
  return {
    ...service,
    writer,
    stores,
    versions,
    sql,
    ask,
    ingest,
    ingestAt,
    /** The file, for tests that are about it (SQLITE_ONLY): there is none on PostgreSQL. */
    database: own.database as Database,
  }
}

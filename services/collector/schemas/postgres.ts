import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import type { Access } from '../postgres/pool.ts'
import { columns, sql } from '../postgres/sql.ts'
import type { Transaction } from '../postgres/transaction.ts'
import { lockTenant } from '../postgres/tenant-lock.ts'
import { createRegistry } from './registry.ts'
import type { VersionedSchema } from './known.ts'
import { parsed, withKnownName, withKnownVersion, type SchemaRow } from './store.ts'
import { KNOWN_REPORT, REPORT_SCHEMA } from './known.ts'

const WHOLE = columns('name', 'version', 'schema', 'createdAt')

/** The store of schemas on PostgreSQL; see store.ts. */
export const createPostgresSchemas = ({ of }: Access) => ({
  async latestVersion(tenantId: Tenant, name: string): Promise<number> {
    const found = await of(tenantId).first<{ version: number | null }>(
      sql`SELECT max(version) AS version FROM schemas WHERE tenantId = ${tenantId} AND name = ${name}`,
    )
    return found?.version ?? (name === REPORT_SCHEMA ? KNOWN_REPORT.version : 0)
  },
  async get(tenantId: Tenant, name: string, version: number): Promise<VersionedSchema | undefined> {
    const row = await of(tenantId).first<SchemaRow>(
      sql`SELECT ${WHOLE} FROM schemas WHERE tenantId = ${tenantId} AND name = ${name} AND version = ${version}`,
    )
    if (row !== undefined) return parsed(row)
    return name === REPORT_SCHEMA && version === KNOWN_REPORT.version ? KNOWN_REPORT : undefined
  },
  versions: async (tenantId: Tenant, name: string) =>
    withKnownVersion(
      name,
      await of(tenantId).all<{ version: number; createdAt: number }>(
        sql`SELECT version, createdAt AS "createdAt" FROM schemas
          WHERE tenantId = ${tenantId} AND name = ${name} ORDER BY version DESC`,
      ),
    ),
  list: async (tenantId: Tenant) =>
    withKnownName(
      await of(tenantId).all<{ name: string; version: number }>(
        sql`SELECT name, max(version) AS version FROM schemas WHERE tenantId = ${tenantId} GROUP BY name ORDER BY name`,
      ),
    ),
  count: async (tenantId: Tenant): Promise<number> =>
    (await of(tenantId).first<{ n: number }>(sql`SELECT count(*) AS n FROM schemas WHERE tenantId = ${tenantId}`))?.n ??
    0,
})

/** Makes a new version of a schema; the registry decides on what was read for it. */
export const createPutSchema =
  (config: Pick<CollectorConfig, 'SCHEMAS_MAX'>) =>
  async (
    tx: Transaction,
    tenantId: Tenant,
    name: string,
    schema: unknown,
    now: number,
    ifMatch?: string,
  ): Promise<Answer> => {
    const stored = createPostgresSchemas({ of: () => tx, everyTenant: tx })
    tx.later(lockTenant(tenantId))
    const latest = await stored.latestVersion(tenantId, name)
    const [before, count] = [await stored.get(tenantId, name, latest), await stored.count(tenantId)]
    const versions = ifMatch === undefined ? [] : await stored.versions(tenantId, name)
    const registry = createRegistry(
      {
        latestVersion: () => latest,
        get: () => before,
        count: () => count,
        versions: () => versions,
        add: (tenant, made) =>
          tx.later(
            sql`INSERT INTO schemas (tenantId, name, version, schema, createdAt)
              VALUES (${tenant}, ${made.name}, ${made.version}, ${JSON.stringify(made.schema)}, ${made.createdAt})`,
          ),
      },
      config,
    )
    return registry.put(tenantId, name, schema, now, ifMatch)
  }

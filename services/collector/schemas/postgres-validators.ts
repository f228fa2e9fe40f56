import type { Tenant } from '#shared/scope.ts'
import { given, type Column } from '../postgres/bulk.ts'
import type { Access } from '../postgres/pool.ts'
import { columns, sql } from '../postgres/sql.ts'
import { REPORT_SCHEMA, KNOWN_REPORT, type VersionedSchema } from './known.ts'
import { parsed, type SchemaRow } from './store.ts'
import { createValidators } from './validators.ts'

/** A schema of a tenant that something is to be checked against. */
export interface Wanted {
  tenantId: Tenant
  schema?: string | undefined
}

const COLUMNS: readonly Column<{ tenantId: Tenant; name: string }>[] = [
  { name: 'tenantId', type: 'text', of: ({ tenantId }) => tenantId },
  { name: 'name', type: 'text', of: ({ name }) => name },
]
const KEPT_MAX = 200
const keyOf = (tenantId: string, name: string) => JSON.stringify([tenantId, name])

type Row = SchemaRow & { tenantId: Tenant }

/** Compiled schemas on PostgreSQL: whoever checks loads first what may be new, from whichever replica. */
export function createLoadedValidators() {
  const newest = new Map<string, number>()
  const schemas = new Map<string, VersionedSchema>()
  const validators = createValidators({
    latestVersion: (tenantId, name) =>
      newest.get(keyOf(tenantId, name)) ?? (name === REPORT_SCHEMA ? KNOWN_REPORT.version : 0),
    get: (tenantId, name) => schemas.get(keyOf(tenantId, name)),
  })
  return {
    get: validators.get,
    refresh: validators.refresh,
    /** Looks up the newest versions: one question, and one more when there is one that was never seen. */
    async load({ everyTenant }: Pick<Access, 'everyTenant'>, wanted: readonly Wanted[]): Promise<void> {
      const pairs = [
        ...new Map(
          wanted.map(({ tenantId, schema: name = REPORT_SCHEMA }) => [keyOf(tenantId, name), { tenantId, name }]),
        ).values(),
      ]
      const found = await everyTenant.all<{ tenantId: Tenant; name: string; version: number }>(
        sql`SELECT ${columns('tenantId', 'name')}, max(version) AS version FROM schemas
          WHERE (tenantId, name) IN (SELECT tenantId, name FROM ${given(COLUMNS, pairs)}) GROUP BY tenantId, name`,
      )
      newest.clear()
      for (const { tenantId, name, version } of found) newest.set(keyOf(tenantId, name), version)
      const unseen = found.filter(
        ({ tenantId, name, version }) => schemas.get(keyOf(tenantId, name))?.version !== version,
      )
      if (unseen.length > 0) {
        const rows = await everyTenant.all<Row>(
          sql`SELECT DISTINCT ON (tenantId, name) ${columns('tenantId', 'name', 'version', 'schema', 'createdAt')}
            FROM schemas WHERE (tenantId, name) IN (SELECT tenantId, name FROM ${given(COLUMNS, unseen)})
            ORDER BY schemas.tenantId, schemas.name, schemas.version DESC`,
        )
        if (schemas.size > KEPT_MAX) schemas.clear()
        for (const { tenantId, ...row } of rows) {
          schemas.set(keyOf(tenantId, row.name), parsed(row))
          newest.set(keyOf(tenantId, row.name), row.version)
        }
      }
      validators.refresh()
    },
  }
}

export type LoadedValidators = ReturnType<typeof createLoadedValidators>

import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import { KNOWN_REPORT, REPORT_SCHEMA, type JsonSchema, type VersionedSchema } from './known.ts'

export type SchemaRow = Omit<VersionedSchema, 'schema'> & { schema: string }

export type SchemaStore = ReturnType<typeof createSchemaStore>

export const parsed = (row: SchemaRow): VersionedSchema => ({ ...row, schema: JSON.parse(row.schema) as JsonSchema })

/** What a tenant has of a name, newest first, with the version that comes with the program. */
export function withKnownVersion(name: string, own: { version: number; createdAt: number }[]) {
  const { version, createdAt } = KNOWN_REPORT
  return name === REPORT_SCHEMA ? [...own, { version, createdAt }] : own
}

/** A tenant's schemas with the one that everybody has. */
export function withKnownName(own: { name: string; version: number }[]) {
  const hasReport = own.some(({ name }) => name === REPORT_SCHEMA)
  return hasReport ? own : [{ name: REPORT_SCHEMA, version: KNOWN_REPORT.version }, ...own]
}

export function createSchemaStore(db: Database) {
  const latest = db
    .prepare<[string, string], number | null>('SELECT max(version) FROM schemas WHERE tenantId = ? AND name = ?')
    .pluck()
  const get = db.prepare<[string, string, number], SchemaRow>(
    'SELECT name, version, schema, createdAt FROM schemas WHERE tenantId = ? AND name = ? AND version = ?',
  )
  const versions = db.prepare<[string, string], { version: number; createdAt: number }>(
    'SELECT version, createdAt FROM schemas WHERE tenantId = ? AND name = ? ORDER BY version DESC',
  )
  const names = db.prepare<[string], { name: string; version: number }>(
    'SELECT name, max(version) AS version FROM schemas WHERE tenantId = ? GROUP BY name ORDER BY name',
  )
  const insert = db.prepare('INSERT INTO schemas (tenantId, name, version, schema, createdAt) VALUES (?, ?, ?, ?, ?)')
  const count = db.prepare<[string], number>('SELECT count(*) FROM schemas WHERE tenantId = ?').pluck()
  const known = (name: string) => (name === REPORT_SCHEMA ? KNOWN_REPORT : undefined)

  return {
    /** The number of the newest version; 0 when the tenant has no such schema. */
    latestVersion: (tenantId: Tenant, name: string): number => latest.get(tenantId, name) ?? known(name)?.version ?? 0,
    get(tenantId: Tenant, name: string, version: number): VersionedSchema | undefined {
      const row = get.get(tenantId, name, version)
      if (row !== undefined) return parsed(row)
      return known(name)?.version === version ? known(name) : undefined
    },
    /** Versions of a schema, newest first. */
    versions: (tenantId: Tenant, name: string): { version: number; createdAt: number }[] =>
      withKnownVersion(name, versions.all(tenantId, name)),
    /** The tenant's schemas by name, each with its newest version. */
    list: (tenantId: Tenant): { name: string; version: number }[] => withKnownName(names.all(tenantId)),
    /** Versions of all the tenant's own schemas. */
    count: (tenantId: Tenant): number => count.get(tenantId) as number,
    add(tenantId: Tenant, { name, version, schema, createdAt }: VersionedSchema): void {
      insert.run(tenantId, name, version, JSON.stringify(schema), createdAt)
    },
  }
}

import type { Tenant } from '#shared/scope.ts'
import { randomBytes } from 'node:crypto'
import type { Access } from '../postgres/pool.ts'
import { columns, sql, type Statement } from '../postgres/sql.ts'
import type { Versions } from './versions.ts'

const VERSION_BYTES = 6

/**
 * To be done in every transaction that changes what a tenant reads. Random, not counted: no number comes back, not even after a
 * backup was restored.
 */
export const newVersion = (tenant: Tenant, shard: number): Statement =>
  sql`INSERT INTO tenant_versions (tenantId, shard, version)
    VALUES (${tenant}, ${shard}, ${randomBytes(VERSION_BYTES).readUIntBE(0, VERSION_BYTES)})
    ON CONFLICT (tenantId, shard) DO UPDATE SET version = excluded.version`

interface Waiting {
  resolve(version: string): void
  reject(error: unknown): void
}

/**
 * Versions that all replicas share. They are read from the database whenever they are asked for, so that what one replica
 * has acknowledged no other one denies; questions that come while one is under way go together in the next.
 */
export function createSharedVersions({ everyTenant }: Pick<Access, 'everyTenant'>) {
  const listeners = new Set<(tenant: Tenant) => void>()
  let waiting = new Map<Tenant, Waiting[]>()
  let isAsking = false

  async function read(which: Statement): Promise<Map<Tenant, string>> {
    const rows = await everyTenant.all<{ tenantId: Tenant; version: number }>(
      sql`SELECT ${columns('tenantId')}, sum(version) AS version FROM tenant_versions WHERE ${which} GROUP BY tenantId`,
    )
    return new Map(rows.map(({ tenantId, version }) => [tenantId, version.toString(36)]))
  }

  async function ask(): Promise<void> {
    if (isAsking) return
    isAsking = true
    while (waiting.size > 0) {
      const asked = waiting
      waiting = new Map()
      try {
        const found = await read(sql`tenantId = ANY(${[...asked.keys()]}::text[])`)
        for (const [tenant, all] of asked) for (const { resolve } of all) resolve(found.get(tenant) ?? '0')
      } catch (error) {
        for (const all of asked.values()) for (const { reject } of all) reject(error)
      }
    }
    isAsking = false
  }

  return {
    of: (tenant: Tenant): Promise<string> =>
      new Promise((resolve, reject) => {
        const own = waiting.get(tenant) ?? []
        own.push({ resolve, reject })
        waiting.set(tenant, own)
        void ask()
      }),
    onChange(listener: (tenant: Tenant) => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    /** The versions of all tenants. */
    readAll: () => read(sql`true`),
    /** Whether anybody wants to be told of changes. */
    isHeard: () => listeners.size > 0,
    changed: (tenant: Tenant) => listeners.forEach((listener) => listener(tenant)),
  } satisfies Versions & Record<string, unknown>
}

export type SharedVersions = ReturnType<typeof createSharedVersions>

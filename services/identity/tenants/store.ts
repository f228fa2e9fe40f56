import type { Database } from '#shared/database.ts'
import type { Owner, Tenant } from '#shared/scope.ts'
import { timestamp } from '#shared/timestamp.ts'
import type { Realm } from './realm.ts'

export interface TenantRow {
  id: Tenant
  name: string
  members: number
  created_at: string
}

export type TenantStore = ReturnType<typeof createTenantStore>

/** All SQL about tenants as such. */
export function createTenantStore(db: Database) {
  const row = `SELECT id, name, (SELECT count(*) FROM memberships WHERE tenant = tenants.id) AS members, created_at
    FROM tenants`
  const list = db.prepare<[object], TenantRow>(
    `${row} WHERE (@isSystem = 1 OR id = @tenant) AND id > @after ORDER BY id LIMIT @limit`,
  )
  const find = db.prepare<[string], TenantRow>(`${row} WHERE id = ?`)
  const count = db.prepare<[], number>('SELECT count(*) FROM tenants').pluck()
  const insert = db.prepare('INSERT INTO tenants VALUES (?, ?, ?)')
  const remove = db.prepare('DELETE FROM tenants WHERE id = ?')
  const members = db.prepare<[string], Owner>('SELECT account_id FROM memberships WHERE tenant = ?').pluck()
  const keys = db.prepare<[string], string>('DELETE FROM api_keys WHERE tenant = ? RETURNING id').pluck()
  const clients = db.prepare<[string], string>('DELETE FROM oauth_clients WHERE tenant = ? RETURNING id').pluck()
  const otherAdmin = db
    .prepare<[string, string], number>(
      `SELECT 1 FROM memberships JOIN accounts ON accounts.id = account_id
       WHERE tenant = ? AND role = 'admin' AND state = 'approved' AND account_id <> ? LIMIT 1`,
    )
    .pluck()
  return {
    /** Those that the administrator looks after, by id; one more than `limit` tells that there are more. */
    list: ({ tenant, isSystem }: Realm, { after = '', limit }: { after?: string; limit: number }): TenantRow[] =>
      list.all({ tenant, isSystem: Number(isSystem), after, limit }),
    find: (tenant: Tenant): TenantRow | undefined => find.get(tenant),
    count: (): number => count.get() as number,
    insert(tenant: Tenant, name: string): TenantRow {
      insert.run(tenant, name, timestamp())
      return find.get(tenant) as TenantRow
    },
    /**
     * Deletes a tenant with its keys and applications, and takes its members' roles away; inside a write.
     * @returns whose access that ends
     */
    remove(tenant: Tenant): { members: Owner[]; keys: string[]; clients: string[] } {
      const ended = { members: members.all(tenant), keys: keys.all(tenant), clients: clients.all(tenant) }
      remove.run(tenant)
      return ended
    },
    /** Whether a tenant has an administrator who can sign in beside this account. */
    hasOtherAdmin: (tenant: Tenant, account: Owner): boolean => otherAdmin.get(tenant, account) !== undefined,
  }
}

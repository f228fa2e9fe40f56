import type { Database } from '#shared/database.ts'
import type { Role } from '#shared/permissions.ts'
import type { Owner, Tenant } from '#shared/scope.ts'
import { timestamp } from '#shared/timestamp.ts'

/** A key as its holder sees it. */
export interface KeyView {
  id: string
  name: string
  tenant: Tenant
  role: Role
  /** Separated by spaces. */
  scope: string
  /** Id of the key that takes its place while both are good. */
  rotated_to: string | null
  created_at: string
  expires_at: string | null
  /** To the minute. */
  last_used_at: string | null
}

export interface NewKeyRow extends Pick<KeyView, 'id' | 'name' | 'role' | 'scope' | 'expires_at'> {
  hash: Buffer
}

/** A key as its verification needs it. */
export interface StoredKey extends Pick<KeyView, 'id' | 'tenant' | 'role' | 'scope' | 'expires_at'> {
  /** null for a key of the tenant itself. */
  account_id: Owner | null
  hash: Buffer
}

/** What lists are sorted by: `created_at` and `id`. */
export type KeyCursor = readonly [string, string]

/** Later than every key. */
export const NEWEST: KeyCursor = ['~', '']

const VIEW = 'id, name, tenant, role, scope, rotated_to, created_at, expires_at, last_used_at'

/** What is done with the keys of one holder: an account, or a tenant for its apps and CI jobs. */
function keysOf<Holder extends Owner | Tenant>(db: Database, held: string) {
  const list = db.prepare<[Holder, string, string, number], KeyView>(
    `SELECT ${VIEW} FROM api_keys WHERE ${held} AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?`,
  )
  // A key that another one takes the place of goes by itself, so it does not count.
  const count = db
    .prepare<[Holder], number>(`SELECT count(*) FROM api_keys WHERE ${held} AND rotated_to IS NULL`)
    .pluck()
  const find = db.prepare<[Holder, string], KeyView>(`SELECT ${VIEW} FROM api_keys WHERE ${held} AND id = ?`)
  const rename = db.prepare<[string, Holder, string], KeyView>(
    `UPDATE api_keys SET name = ? WHERE ${held} AND id = ? RETURNING ${VIEW}`,
  )
  const replace = db.prepare<[string, string, Holder, string]>(
    `UPDATE api_keys SET rotated_to = ?, expires_at = ? WHERE ${held} AND id = ?`,
  )
  const remove = db
    .prepare<[Holder, string, string], string>(
      `DELETE FROM api_keys WHERE ${held} AND (id = ? OR rotated_to = ?) RETURNING id`,
    )
    .pluck()
  const removeReplaced = db
    .prepare<[Holder, string], string>(`DELETE FROM api_keys WHERE ${held} AND rotated_to = ? RETURNING id`)
    .pluck()
  return {
    /** The newest first, after the one with this sort key. */
    list: (holder: Holder, [created_at, id]: KeyCursor, limit: number): KeyView[] =>
      list.all(holder, created_at, id, limit),
    count: (holder: Holder): number => count.get(holder) as number,
    find: (holder: Holder, id: string): KeyView | undefined => find.get(holder, id),
    rename: (holder: Holder, id: string, name: string): KeyView => rename.get(name, holder, id) as KeyView,
    /** Key `id` is good until `ends` (ISO), beside the one that takes its place. */
    replace: (holder: Holder, id: string, next: string, ends: string): void => void replace.run(next, ends, holder, id),
    /** Deletes a key and the one whose place it took. @returns the ids of those that there were */
    remove: (holder: Holder, id: string): string[] => remove.all(holder, id, id),
    /** Deletes only the key whose place it took. @returns its id, when there was one */
    removeReplaced: (holder: Holder, id: string): string[] => removeReplaced.all(holder, id),
  }
}

export type KeysOf<Holder extends Owner | Tenant> = ReturnType<typeof keysOf<Holder>>
export type KeyStore = ReturnType<typeof createKeyStore>

/** All SQL about API keys. */
export function createKeyStore(db: Database) {
  const byId = db.prepare<[string], StoredKey>(
    'SELECT id, tenant, account_id, role, scope, hash, expires_at FROM api_keys WHERE id = ?',
  )
  const insert = db.prepare<[object], KeyView>(
    `INSERT INTO api_keys (id, tenant, account_id, name, role, scope, hash, created_at, expires_at)
     VALUES (@id, @tenant, @account, @name, @role, @scope, @hash, @now, @expires_at) RETURNING ${VIEW}`,
  )
  const sweep = db.prepare<[string]>('DELETE FROM api_keys WHERE rotated_to IS NOT NULL AND expires_at <= ?')
  return {
    ofAccount: keysOf<Owner>(db, 'account_id = ?'),
    ofTenant: keysOf<Tenant>(db, 'account_id IS NULL AND tenant = ?'),
    /** Whoever holds it: only for verification, which knows nothing else yet. */
    byId: (id: string): StoredKey | undefined => byId.get(id),
    /** @param account whose it is; null for one of the tenant itself */
    insert: (tenant: Tenant, account: Owner | null, key: NewKeyRow): KeyView =>
      insert.get({ ...key, tenant, account, now: timestamp() }) as KeyView,
    /** Deletes keys whose place another one has taken and whose time is over; inside a write. @returns that nothing is left */
    sweep(): boolean {
      sweep.run(timestamp())
      return false
    },
  }
}

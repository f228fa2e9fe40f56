import type { Database } from '#shared/database.ts'
import type { ServiceName } from '#shared/ports.ts'
import type { Owner } from '#shared/scope.ts'
import { timestamp } from '#shared/timestamp.ts'

/** A service that still holds data of an account that is being deleted. */
export interface Deletion {
  account_id: Owner
  service: ServiceName
  tries: number
  /** Milliseconds since 1970. */
  next: number
}

export type AccountDataStore = ReturnType<typeof createAccountDataStore>

/** What an export tells beside the account itself, by the name of its list: never a hash, never a secret. */
const LISTS = {
  memberships: 'SELECT tenant, role, created_at FROM memberships WHERE account_id = ?',
  sessions:
    'SELECT id, tenant, amr, ip, user_agent, created_at, last_used_at, expires_at FROM sessions WHERE account_id = ?',
  passkeys: 'SELECT id, name, device_type, created_at, last_used_at FROM passkeys WHERE account_id = ?',
  api_keys:
    'SELECT id, tenant, name, role, scope, created_at, expires_at, last_used_at FROM api_keys WHERE account_id = ?',
  app_passwords: 'SELECT id, name, created_at, last_used_at FROM app_passwords WHERE account_id = ?',
} as const

/** How a person may have been let in; all of it goes at once when an account is deleted. */
const CREDENTIALS = [
  'totp',
  'recovery_codes',
  'passkeys',
  'api_keys',
  'app_passwords',
  'one_time_tokens',
  'oidc_records',
]

/** All SQL about an account as a whole: what is exported of it, and what is left to delete. */
export function createAccountDataStore(db: Database) {
  const lists = Object.entries(LISTS).map(([name, sql]) => [name, db.prepare<[string], object>(sql)] as const)
  const drop = CREDENTIALS.map((table) => db.prepare<[string]>(`DELETE FROM ${table} WHERE account_id = ?`))
  const forget = db.prepare<[string]>('DELETE FROM idempotency_keys WHERE owner = ?')
  const plan = db.prepare<[string, string, number]>(
    'INSERT OR IGNORE INTO account_deletions (account_id, service, next) VALUES (?, ?, ?)',
  )
  const due = db.prepare<[number, number], Deletion>(
    'SELECT * FROM account_deletions WHERE next <= ? ORDER BY next LIMIT ?',
  )
  const first = db.prepare<[], number | null>('SELECT min(next) FROM account_deletions').pluck()
  const later = db.prepare<[number, string, string]>(
    'UPDATE account_deletions SET tries = tries + 1, next = ? WHERE account_id = ? AND service = ?',
  )
  const done = db.prepare<[string, string]>('DELETE FROM account_deletions WHERE account_id = ? AND service = ?')
  const remove = db.prepare<[string, string]>(
    `DELETE FROM accounts WHERE id = ? AND state = 'deleting'
       AND NOT EXISTS (SELECT 1 FROM account_deletions WHERE account_id = ?)`,
  )
  const orphaned = db
    .prepare<[object], string>(
      `WITH others AS (
         SELECT tenant, role, state FROM memberships JOIN accounts ON accounts.id = account_id
         WHERE account_id <> :account AND state <> 'deleting')
       SELECT tenant FROM memberships AS own WHERE account_id = :account AND role = 'admin'
         AND EXISTS (SELECT 1 FROM others WHERE tenant = own.tenant)
         AND NOT EXISTS (SELECT 1 FROM others WHERE tenant = own.tenant AND role = 'admin' AND state = 'approved')`,
    )
    .pluck()
  const mark = db.prepare<[string, string]>(`UPDATE accounts SET state = 'deleting', updated_at = ? WHERE id = ?`)
  return {
    /** Tenants with other members that would be left without an administrator. */
    tenantsWithoutAdmin: (account: Owner): string[] => orphaned.all({ account }),
    /** From here on nobody gets in as this account. */
    mark: (account: Owner): void => void mark.run(timestamp(), account),
    lists: (account: Owner): Record<string, object[]> =>
      Object.fromEntries(lists.map(([name, statement]) => [name, statement.all(account)])),
    dropCredentials(account: Owner): void {
      for (const statement of drop) statement.run(account)
      forget.run(account)
    },
    /** @param next when to ask the service for the last time, milliseconds since 1970 */
    plan(account: Owner, services: readonly ServiceName[], next: number): void {
      for (const service of services) plan.run(account, service, next)
    },
    due: (now: number, limit: number): Deletion[] => due.all(now, limit),
    /** When the next one is due; undefined when nothing is left. */
    nextDue: (): number | undefined => first.get() ?? undefined,
    later: (account: Owner, service: ServiceName, next: number): void => void later.run(next, account, service),
    /** The service has nothing of the account any more; after the last one the account itself is gone. */
    done(account: Owner, service: ServiceName): void {
      done.run(account, service)
      remove.run(account, account)
    },
  }
}

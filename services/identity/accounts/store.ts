import { randomUUIDv7 } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import type { Role } from '#shared/permissions.ts'
import { asOwner, type Owner, type Tenant } from '#shared/scope.ts'
import { timestamp } from '#shared/timestamp.ts'

export type AccountState = 'pending' | 'approved' | 'rejected' | 'suspended' | 'deleting'

export interface Account {
  id: Owner
  /** In the form that emailOf gives. */
  email: string
  name: string
  /** Only an approved account can be signed in to. */
  state: AccountState
  password_hash: string | null
  email_verified_at: string | null
  /** 1 while a pending account waits for the link in its mail to be used. */
  awaits_email: number
  /** 1 while a pending account waits for an administrator. */
  awaits_approval: number
  locale: string
  time_zone: string
  created_at: string
  updated_at: string
}

export type NewAccount = Pick<Account, 'email' | 'name' | 'password_hash' | 'locale' | 'time_zone'> &
  Partial<Pick<Account, 'email_verified_at' | 'awaits_email' | 'awaits_approval'>>

/** What changes in an account; who may change what is the matter of the routes. */
export type AccountChange = Partial<Omit<Account, 'id' | 'created_at' | 'updated_at'>>

export interface Membership {
  tenant: Tenant
  role: Role
}

export type AccountStore = ReturnType<typeof createAccountStore>

/** One spelling for one mailbox: NFC and lower case. Local parts that differ in case only are the same in practice. */
export const emailOf = (text: string): string => text.trim().normalize('NFC').toLowerCase()

const COLUMNS = [
  'email',
  'name',
  'state',
  'password_hash',
  'email_verified_at',
  'awaits_email',
  'awaits_approval',
  'locale',
  'time_zone',
] as const

/** Rows that one transaction deletes at most. */
const SWEEP_BATCH = 500

/** All SQL about single accounts and their roles. */
export function createAccountStore(db: Database) {
  const find = db.prepare<[string], Account>('SELECT * FROM accounts WHERE id = ?')
  const byEmail = db.prepare<[string], Account>('SELECT * FROM accounts WHERE email = ?')
  const memberships = db.prepare<[string], Membership>(
    'SELECT tenant, role FROM memberships WHERE account_id = ? ORDER BY created_at, tenant',
  )
  const roleIn = db
    .prepare<[string, string], Role>('SELECT role FROM memberships WHERE account_id = ? AND tenant = ?')
    .pluck()
  const count = db.prepare<[], number>('SELECT count(*) FROM accounts').pluck()
  const insert = db.prepare<[object], Account>(
    `INSERT INTO accounts (id, ${COLUMNS.join(', ')}, created_at, updated_at)
     VALUES (@id, ${COLUMNS.map((name) => `@${name}`).join(', ')}, @now, @now) RETURNING *`,
  )
  const update = db.prepare<[object], Account>(
    `UPDATE accounts SET ${COLUMNS.map((name) => `${name} = @${name}`).join(', ')}, updated_at = @now
     WHERE id = @id RETURNING *`,
  )
  const remove = db.prepare('DELETE FROM accounts WHERE id = ?')
  const join = db.prepare(
    `INSERT INTO memberships VALUES (?, ?, ?, ?) ON CONFLICT (account_id, tenant) DO UPDATE SET role = excluded.role`,
  )
  const removeUnverified = db.prepare(
    `DELETE FROM accounts WHERE id IN
       (SELECT id FROM accounts WHERE awaits_email = 1 AND state = 'pending' AND updated_at < ? LIMIT ${SWEEP_BATCH})`,
  )
  const leave = db.prepare('DELETE FROM memberships WHERE account_id = ? AND tenant = ?')

  return {
    find: (id: Owner): Account | undefined => find.get(id),
    /** @param email as emailOf gives it */
    byEmail: (email: string): Account | undefined => byEmail.get(email),
    count: (): number => count.get() as number,
    /** A new account: pending as long as it awaits something, else approved. */
    insert(account: NewAccount): Account {
      const { awaits_email = 0, awaits_approval = 0, email_verified_at = null } = account
      const state: AccountState = awaits_email + awaits_approval > 0 ? 'pending' : 'approved'
      const row = { ...account, awaits_email, awaits_approval, email_verified_at, state }
      return insert.get({ ...row, id: asOwner(randomUUIDv7()), now: timestamp() }) as Account
    },
    /** Changes what is named; a pending account that awaits nothing any more becomes approved. */
    update(id: Owner, change: AccountChange): Account {
      const account = { ...(find.get(id) as Account), ...change }
      const isDone = account.state === 'pending' && account.awaits_email + account.awaits_approval === 0
      return update.get({ ...account, state: isDone ? 'approved' : account.state, now: timestamp() }) as Account
    },
    /** Deletes the row and, by its references, everything in this database that belongs to the account. */
    remove: (id: Owner): void => void remove.run(id),
    /** Tenants and roles of an account, the oldest first: that one is meant when nobody names another. */
    membershipsOf: (id: Owner): Membership[] => memberships.all(id),
    /** undefined for one who is not in the tenant. */
    roleIn: (id: Owner, tenant: Tenant): Role | undefined => roleIn.get(id, tenant),
    /** Gives a role in a tenant, in place of the one before. */
    join: (id: Owner, tenant: Tenant, role: Role): void => void join.run(id, tenant, role, timestamp()),
    leave: (id: Owner, tenant: Tenant): void => void leave.run(id, tenant),
    /**
     * Deletes some accounts whose address nobody has confirmed since then; nobody has ever signed in to them. Inside a write.
     * @param before ISO time
     * @returns whether there may be more
     */
    sweepUnverified: (before: string): boolean => removeUnverified.run(before).changes === SWEEP_BATCH,
  }
}

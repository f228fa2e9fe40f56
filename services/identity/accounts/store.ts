import type { Database } from '#shared/database.ts'
import type { Role } from '#shared/permissions.ts'
import type { Owner, Tenant } from '#shared/scope.ts'

export type AccountState = 'pending' | 'approved' | 'rejected' | 'suspended' | 'deleting'

export interface Account {
  id: Owner
  /** In the form that emailOf gives. */
  email: string
  name: string
  state: AccountState
  password_hash: string | null
  email_verified_at: string | null
  locale: string
  time_zone: string
  created_at: string
  updated_at: string
}

export interface Membership {
  tenant: Tenant
  role: Role
}

export type AccountStore = ReturnType<typeof createAccountStore>

/** One spelling for one mailbox: NFC and lower case. Local parts that differ in case only are the same in practice. */
export const emailOf = (text: string): string => text.trim().normalize('NFC').toLowerCase()

/** All SQL about accounts and their roles. */
export function createAccountStore(db: Database) {
  const find = db.prepare<[string], Account>('SELECT * FROM accounts WHERE id = ?')
  const byEmail = db.prepare<[string], Account>('SELECT * FROM accounts WHERE email = ?')
  const memberships = db.prepare<[string], Membership>(
    'SELECT tenant, role FROM memberships WHERE account_id = ? ORDER BY created_at, tenant',
  )
  const count = db.prepare<[], number>('SELECT count(*) FROM accounts').pluck()
  return {
    find: (id: Owner): Account | undefined => find.get(id),
    /** @param email as emailOf gives it */
    byEmail: (email: string): Account | undefined => byEmail.get(email),
    /** Tenants and roles of an account, the oldest first: that one is meant when nobody names another. */
    membershipsOf: (id: Owner): Membership[] => memberships.all(id),
    count: (): number => count.get() as number,
  }
}

import type { Database } from '#shared/database.ts'
import type { Owner } from '#shared/scope.ts'
import type { Realm } from '../../tenants/realm.ts'
import { emailOf, type Account, type AccountState, type Membership } from '../store.ts'

export interface AccountSelection {
  state?: AccountState
  /** Part of the name or the e-mail address. */
  q?: string
  /** Id of the last one that was given out. */
  after?: string
  limit: number
}

type Listed = Account & { memberships: Membership[] }

export type AdminStore = ReturnType<typeof createAdminStore>

/** A text as a part of what LIKE finds. */
const containing = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`

/** All SQL about accounts as an administrator sees them: those who have a role in a tenant that they look after. */
export function createAdminStore(db: Database) {
  const memberships = `(SELECT json_group_array(json_object('tenant', tenant, 'role', role)) FROM
    (SELECT tenant, role FROM memberships WHERE account_id = accounts.id AND (@isSystem = 1 OR tenant = @tenant)
     ORDER BY created_at, tenant))`
  const selected = `(@state IS NULL OR state = @state) AND (@after IS NULL OR accounts.id < @after) AND (@mail IS NULL OR
    email LIKE @mail ESCAPE '\\' OR name LIKE @nfc ESCAPE '\\' OR name LIKE @nfd ESCAPE '\\')`
  const all = db.prepare<[object], Account & { memberships: string }>(
    `SELECT accounts.*, ${memberships} AS memberships FROM accounts WHERE ${selected} ORDER BY accounts.id DESC LIMIT @limit`,
  )
  const ofTenant = db.prepare<[object], Account & { memberships: string }>(
    `SELECT accounts.*, ${memberships} AS memberships FROM memberships AS own JOIN accounts ON accounts.id = own.account_id
     WHERE own.tenant = @tenant AND ${selected} ORDER BY own.account_id DESC LIMIT @limit`,
  )
  const find = db.prepare<[object], Account & { memberships: string }>(
    `SELECT accounts.*, ${memberships} AS memberships FROM accounts WHERE id = @id AND (@isSystem = 1 OR EXISTS
       (SELECT 1 FROM memberships WHERE account_id = accounts.id AND tenant = @tenant))`,
  )
  const elsewhere = db
    .prepare<[object], number>('SELECT 1 FROM memberships WHERE account_id = @id AND tenant <> @tenant LIMIT 1')
    .pluck()

  const scope = ({ tenant, isSystem }: Realm) => ({ tenant, isSystem: Number(isSystem) })
  const opened = (row: Account & { memberships: string }): Listed => ({
    ...row,
    memberships: JSON.parse(row.memberships) as Membership[],
  })

  return {
    /** The newest first. */
    list(realm: Realm, { state, q, after, limit }: AccountSelection): Listed[] {
      const search = {
        mail: q === undefined ? null : containing(emailOf(q)),
        nfc: q === undefined ? null : containing(q.normalize('NFC')),
        nfd: q === undefined ? null : containing(q.normalize('NFD')),
      }
      const selection = { ...search, state: state ?? null, after: after ?? null, limit }
      return (realm.isSystem ? all : ofTenant).all({ ...scope(realm), ...selection }).map(opened)
    },
    find(realm: Realm, id: Owner): Listed | undefined {
      const row = find.get({ ...scope(realm), id })
      return row === undefined ? undefined : opened(row)
    },
    /** Whether the account has a role in a tenant that somebody else looks after. */
    isElsewhere: (realm: Realm, id: Owner): boolean =>
      !realm.isSystem && elsewhere.get({ tenant: realm.tenant, id }) !== undefined,
  }
}

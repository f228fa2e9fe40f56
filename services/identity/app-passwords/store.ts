import { randomUUIDv7 } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import type { Owner } from '#shared/scope.ts'
import { timestamp } from '#shared/timestamp.ts'

/** An app password as its account sees it. */
export interface AppPasswordView {
  id: string
  name: string
  created_at: string
  /** To the minute. */
  last_used_at: string | null
}

export type AppPasswordStore = ReturnType<typeof createAppPasswordStore>

const VIEW = 'id, name, created_at, last_used_at'

/** All SQL about app passwords. */
export function createAppPasswordStore(db: Database) {
  const list = db.prepare<[string], AppPasswordView>(
    `SELECT ${VIEW} FROM app_passwords WHERE account_id = ? ORDER BY id DESC`,
  )
  const count = db.prepare<[string], number>('SELECT count(*) FROM app_passwords WHERE account_id = ?').pluck()
  const match = db
    .prepare<[string, Buffer], string>('SELECT id FROM app_passwords WHERE account_id = ? AND hash = ?')
    .pluck()
  const insert = db.prepare<[string, string, string, Buffer, string], AppPasswordView>(
    `INSERT INTO app_passwords (id, account_id, name, hash, created_at) VALUES (?, ?, ?, ?, ?) RETURNING ${VIEW}`,
  )
  const remove = db.prepare<[string, string]>('DELETE FROM app_passwords WHERE account_id = ? AND id = ?')
  return {
    /** The newest first. */
    list: (account: Owner): AppPasswordView[] => list.all(account),
    count: (account: Owner): number => count.get(account) as number,
    /** The id of the account's password that has this hash. */
    match: (account: Owner, hash: Buffer): string | undefined => match.get(account, hash),
    insert: (account: Owner, name: string, hash: Buffer): AppPasswordView =>
      insert.get(randomUUIDv7(), account, name, hash, timestamp()) as AppPasswordView,
    /** @returns whether there was one */
    remove: (account: Owner, id: string): boolean => remove.run(account, id).changes === 1,
  }
}

import type { Database } from '#shared/database.ts'

export type SetupStore = ReturnType<typeof createSetupStore>

/** Purpose of the token of the first administrator. */
export const SETUP = 'setup'

/** What the beginning of a system is known by. */
export function createSetupStore(db: Database) {
  const admin = db
    .prepare<[], number>(
      `SELECT 1 FROM memberships JOIN accounts ON accounts.id = account_id
       WHERE role = 'admin' AND state IN ('approved', 'suspended') LIMIT 1`,
    )
    .pluck()
  const forget = db.prepare('DELETE FROM one_time_tokens WHERE purpose = ?')
  return {
    /** Without an administrator nobody could ever make one. */
    hasAdmin: (): boolean => admin.get() !== undefined,
    /** Voids every token that was printed before; inside a write. */
    forgetTokens: (): void => void forget.run(SETUP),
  }
}

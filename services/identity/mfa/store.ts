import type { Database } from '#shared/database.ts'
import type { Aad } from '#shared/envelope.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { Owner } from '#shared/scope.ts'
import { timestamp } from '#shared/timestamp.ts'

export interface Totp {
  secret: Buffer
  /** Null until the first code has shown that the app has the secret. */
  confirmed_at: string | null
  /** The time step of the last code that was taken. */
  last_step: number
}

type Row = Omit<Totp, 'secret'> & { secret_sealed: Buffer }

export type MfaStore = ReturnType<typeof createMfaStore>

export const totpAad = (account: Owner): Aad => ({
  table: 'totp',
  column: 'secret_sealed',
  row: account,
  owner: account,
})

/** All SQL about TOTP secrets and recovery codes. */
export function createMfaStore(db: Database, keyring: Keyring) {
  const find = db.prepare<[string], Row>('SELECT secret_sealed, confirmed_at, last_step FROM totp WHERE account_id = ?')
  const confirmedAt = db.prepare<[string], string | null>('SELECT confirmed_at FROM totp WHERE account_id = ?').pluck()
  const begin = db.prepare('INSERT OR REPLACE INTO totp (account_id, secret_sealed) VALUES (?, ?)')
  const confirm = db.prepare('UPDATE totp SET confirmed_at = ? WHERE account_id = ?')
  const take = db.prepare('UPDATE totp SET last_step = ? WHERE account_id = ?')
  const removeTotp = db.prepare('DELETE FROM totp WHERE account_id = ?')
  const unused = db
    .prepare<[string], Buffer>('SELECT hash FROM recovery_codes WHERE account_id = ? AND used_at IS NULL')
    .pluck()
  const count = db
    .prepare<[string], number>('SELECT count(*) FROM recovery_codes WHERE account_id = ? AND used_at IS NULL')
    .pluck()
  const addCode = db.prepare('INSERT INTO recovery_codes (account_id, hash) VALUES (?, ?)')
  const useCode = db.prepare('UPDATE recovery_codes SET used_at = ? WHERE account_id = ? AND hash = ?')
  const removeCodes = db.prepare('DELETE FROM recovery_codes WHERE account_id = ?')

  return {
    /** @throws SealRefused, ConfigError when the secret does not open */
    totp(account: Owner): Totp | undefined {
      const row = find.get(account)
      if (row === undefined) return undefined
      const { secret_sealed: sealed, ...rest } = row
      return { ...rest, secret: keyring.open(sealed, totpAad(account)) }
    },
    /** When TOTP was switched on; undefined while it is not. */
    confirmedAt: (account: Owner): string | undefined => confirmedAt.get(account) ?? undefined,
    /** A secret that nothing asks for until it is confirmed; inside a write. */
    begin: (account: Owner, secret: Buffer): void => void begin.run(account, keyring.seal(secret, totpAad(account))),
    /** Inside a write. */
    confirm: (account: Owner): void => void confirm.run(timestamp(), account),
    /** Notes the step of a code that was taken; inside a write. */
    takeStep: (account: Owner, step: number): void => void take.run(step, account),
    /** Switches TOTP off, its recovery codes too; inside a write. */
    remove(account: Owner): void {
      removeTotp.run(account)
      removeCodes.run(account)
    },
    /** Hashes of the recovery codes that are still good. */
    unusedCodes: (account: Owner): Buffer[] => unused.all(account),
    countCodes: (account: Owner): number => count.get(account) as number,
    /** A new set, and the old one is void; inside a write. */
    replaceCodes(account: Owner, hashes: readonly Buffer[]): void {
      removeCodes.run(account)
      for (const hash of hashes) addCode.run(account, hash)
    },
    /** Inside a write. */
    useCode: (account: Owner, hash: Buffer): void => void useCode.run(timestamp(), account, hash),
  }
}

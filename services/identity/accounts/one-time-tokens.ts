import { hash, randomBytes } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import type { Owner } from '#shared/scope.ts'

export interface NewToken {
  /** What it is good for; a token of one purpose does nothing elsewhere. */
  purpose: string
  /** Absent for the first account's. */
  account?: Owner
  /** Time for which it is good, in seconds. */
  ttl_s: number
  /** What its use needs to know; JSON. */
  detail?: Record<string, unknown>
  /** Older ones of this purpose and account stay good (two logins at the same time). */
  beside_others?: boolean
}

export interface TakenToken {
  account: Owner | undefined
  detail: Record<string, unknown>
}

export type OneTimeTokens = ReturnType<typeof createOneTimeTokens>

const TOKEN_BYTES = 32
const TOKEN_CHARACTERS = /^[\w-]{43}$/
const MS_PER_S = 1000
/** Tokens past their time that are deleted in one transaction. */
const SWEEP_BATCH = 500

/** Only the hash is stored: 256 random bits need no salt, and who reads the file cannot use what is in it. */
const hashOf = (token: string): Buffer => hash('sha256', token, 'buffer')

/** All SQL about tokens that are good once. */
export function createOneTimeTokens(db: Database) {
  const insert = db.prepare('INSERT INTO one_time_tokens VALUES (?, ?, ?, ?, ?)')
  const find = db.prepare<[Buffer, string, number], { account_id: Owner | null; detail: string }>(
    'SELECT account_id, detail FROM one_time_tokens WHERE hash = ? AND purpose = ? AND expires > ?',
  )
  const remove = db.prepare('DELETE FROM one_time_tokens WHERE hash = ?')
  const removeOf = db.prepare('DELETE FROM one_time_tokens WHERE account_id = ? AND purpose = ?')
  const removeOld = db.prepare(
    'DELETE FROM one_time_tokens WHERE hash IN (SELECT hash FROM one_time_tokens WHERE expires <= ? LIMIT ?)',
  )

  function peek(purpose: string, token: string): TakenToken | undefined {
    if (!TOKEN_CHARACTERS.test(token)) return undefined
    const row = find.get(hashOf(token), purpose, Date.now())
    if (row === undefined) return undefined
    return { account: row.account_id ?? undefined, detail: JSON.parse(row.detail) as Record<string, unknown> }
  }

  return {
    /** A new token, and the account's older ones of this purpose are void; inside a write. */
    issue({ purpose, account, ttl_s, detail = {}, beside_others = false }: NewToken): string {
      if (account !== undefined && !beside_others) removeOf.run(account, purpose)
      const token = randomBytes(TOKEN_BYTES).toString('base64url')
      insert.run(hashOf(token), purpose, account ?? null, JSON.stringify(detail), Date.now() + ttl_s * MS_PER_S)
      return token
    },
    /** Whose a token is and what it says, without using it up; undefined when it is unknown, used or too old. */
    peek,
    /** Uses a token up; inside a write. Undefined when it is unknown, used or too old. */
    take(purpose: string, token: string): TakenToken | undefined {
      const taken = peek(purpose, token)
      if (taken !== undefined) remove.run(hashOf(token))
      return taken
    },
    /** Ends all tokens of one purpose of an account; inside a write. */
    revoke: (account: Owner, purpose: string): void => void removeOf.run(account, purpose),
    /** Deletes some that are too old; inside a write. @returns whether there may be more */
    sweep: (): boolean => removeOld.run(Date.now(), SWEEP_BATCH).changes === SWEEP_BATCH,
  }
}

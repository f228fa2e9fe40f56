import type { Keyring } from '#shared/keyring.ts'
import { rememberedOf, replayOf, textOf, type Remembered } from '#shared/remembered.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Answer, Once, Performed } from '#shared/writes.ts'
import { insertAll, type Column } from './bulk.ts'
import { columns, sql, type Statement } from './sql.ts'
import { lockTenant } from './tenant-lock.ts'
import type { Transaction } from './transaction.ts'

/** An answer under its key; one that is sealed is bytes, and the other column is empty. */
export interface RememberedRow {
  key: string
  fingerprint: string
  status: number
  body: string | null
  sealed: Buffer | null
}

interface Kept {
  once: Once
  remembered: Remembered
}

const COLUMNS: readonly Column<Kept>[] = [
  { name: 'owner', type: 'text', of: ({ once }) => once.owner },
  { name: 'key', type: 'text', of: ({ once }) => once.key },
  { name: 'fingerprint', type: 'text', of: ({ remembered }) => remembered.fingerprint },
  { name: 'status', type: 'integer', of: ({ remembered }) => remembered.status },
  { name: 'body', type: 'text', of: ({ remembered: { body } }) => (typeof body === 'string' ? body : null) },
  { name: 'sealed', type: 'bytea', of: ({ remembered: { body } }) => (typeof body === 'string' ? null : body) },
  { name: 'createdAt', type: 'bigint', of: () => Date.now() },
]

/** What is remembered of these keys, not longer ago than `ttlMs`. */
export const rememberedUnder = (owner: string, keys: readonly string[], ttlMs: number): Statement =>
  sql`SELECT ${columns('key', 'fingerprint', 'status', 'body', 'sealed')} FROM idempotency_keys
    WHERE owner = ${owner} AND key = ANY(${keys}::text[]) AND createdAt > ${Date.now() - ttlMs}`

export const rememberedIn = ({ fingerprint, status, body, sealed }: RememberedRow): Remembered => ({
  fingerprint,
  status,
  body: sealed ?? body ?? '',
})

/** Remembers answers, each under its key, in the place of one that is past its time. */
export function storeRemembered(tx: Transaction, kept: readonly Kept[]): void {
  if (kept.length === 0) return
  const replace = sql`ON CONFLICT (owner, key) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status,
    body = excluded.body, sealed = excluded.sealed, createdAt = excluded.createdAt`
  tx.later(insertAll('idempotency_keys', COLUMNS, kept, replace))
}

/**
 * Does `write` once under its key; a retry gets the first answer.
 * @throws Problem idempotency-mismatch (422) for another request under the same key
 */
export async function performOnce(
  tx: Transaction,
  once: Once,
  { keyring, ttlMs }: { keyring: Keyring; ttlMs: number },
  write: () => Promise<Answer>,
): Promise<Performed> {
  tx.later(lockTenant(once.owner as Tenant))
  const known = await tx.first<RememberedRow>(rememberedUnder(once.owner, [once.key], ttlMs))
  if (known !== undefined) return replayOf(once, rememberedIn(known), () => keyring)
  const { status, body } = await write()
  const answer: Performed = { status, body: textOf({ status, body }), replayed: false }
  storeRemembered(tx, [{ once, remembered: rememberedOf(once, answer, () => keyring) }])
  return answer
}

import type { Answer } from '#shared/writes.ts'
import type { Access, Queries } from '../../postgres/pool.ts'
import { columns, sql } from '../../postgres/sql.ts'
import type { Transaction } from '../../postgres/transaction.ts'
import { rotatedAnswer } from '../commands.ts'
import type { BundleKey, KeyPlace } from './store.ts'

/** They belong to no tenant: there is nothing to hide from whom. */
export const BUNDLE_KEY_TABLE: readonly string[] = [
  `CREATE TABLE bundle_keys (
    kid TEXT COLLATE "C" PRIMARY KEY,
    publicKey TEXT NOT NULL,
    privateSealed BYTEA NOT NULL,
    active BIGINT NOT NULL,
    createdAt BIGINT NOT NULL
  )`,
]

const allKeys = (from: Pick<Queries, 'all'>) =>
  from.all<BundleKey>(
    sql`SELECT ${columns('kid', 'publicKey', 'privateSealed', 'active', 'createdAt')} FROM bundle_keys
      ORDER BY active, createdAt, kid`,
  )

/** The store of the keys of bundles on PostgreSQL; see store.ts. */
export const createPostgresBundleKeys = ({ everyTenant }: Access) => ({ all: () => allKeys(everyTenant) })

async function add(tx: Transaction, key: BundleKey, place: KeyPlace): Promise<BundleKey[]> {
  // Replicas that start together have one first key.
  tx.later(sql`LOCK TABLE bundle_keys IN SHARE ROW EXCLUSIVE MODE`)
  if (place === 'only') tx.later(sql`DELETE FROM bundle_keys`)
  const { kid, publicKey, privateSealed, active, createdAt } = key
  if (place !== 'first' || (await allKeys(tx)).length === 0) {
    tx.later(
      sql`INSERT INTO bundle_keys (kid, publicKey, privateSealed, active, createdAt)
        VALUES (${kid}, ${publicKey}, ${Buffer.from(privateSealed)}, ${active}, ${createdAt})`,
    )
  }
  return allKeys(tx)
}

/** What changes them; see ../commands.ts. */
export const postgresBundleKeyCommands = {
  addFirstBundleKey: (tx: Transaction, key: BundleKey): Promise<BundleKey[]> => add(tx, key, 'first'),
  rotateBundleKey: async (tx: Transaction, key: BundleKey, withdraw: boolean): Promise<Answer> =>
    rotatedAnswer(await add(tx, key, withdraw ? 'only' : 'next')),
  resealBundleKey: async (tx: Transaction, kid: string, from: Uint8Array, to: Uint8Array): Promise<boolean> =>
    (await tx.run(
      sql`UPDATE bundle_keys SET privateSealed = ${Buffer.from(to)} WHERE kid = ${kid} AND privateSealed = ${Buffer.from(from)}`,
    )) === 1,
}

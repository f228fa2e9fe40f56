import type { Keyring } from '#shared/keyring.ts'
import type { Logger } from '#shared/logger.ts'
import { sealedAnswer } from '#shared/remembered.ts'
import { EVERY_TENANT, type Pool } from './pool.ts'
import { sql } from './sql.ts'
import { transaction } from './transaction.ts'

const BATCH = 100

interface ResealParts {
  pool: Pool
  keyring: Keyring
  logger: Pick<Logger, 'error' | 'info'>
}

interface Row {
  owner: string
  key: string
  sealed: Buffer
}

/**
 * Brings remembered answers under the first key of the ring, a few a transaction. What another replica sealed anew meanwhile
 * stays as it is.
 * @returns how many it brought there
 */
export async function resealAnswers({ pool, keyring, logger }: ResealParts, isOver = () => false): Promise<number> {
  let [resealed, refused] = [0, 0]
  let after: Pick<Row, 'owner' | 'key'> | undefined = { owner: '', key: '' }
  while (after !== undefined && !isOver()) {
    const rows: Row[] = await pool.everyTenant.all<Row>(
      sql`SELECT owner, key, sealed FROM idempotency_keys
        WHERE sealed IS NOT NULL AND (owner, key) > (${after.owner}, ${after.key}) ORDER BY owner, key LIMIT ${BATCH}`,
    )
    const old = rows.filter(({ sealed }) => keyring.needsRotation(sealed))
    const fresh = old.flatMap((row) => {
      try {
        return [{ ...row, now: keyring.resealed(row.sealed, sealedAnswer(row.owner, row.key)) }]
      } catch (error) {
        refused++
        logger.error({ err: error }, 'a sealed value cannot be brought under the primary key')
        return []
      }
    })
    if (fresh.length > 0) {
      await transaction(pool, EVERY_TENANT, async (tx) => {
        for (const { owner, key, sealed, now } of fresh) {
          tx.later(
            sql`UPDATE idempotency_keys SET sealed = ${now} WHERE owner = ${owner} AND key = ${key} AND sealed = ${sealed}`,
          )
        }
      })
      resealed += fresh.length
    }
    after = rows.length === BATCH ? rows.at(-1) : undefined
  }
  if (resealed + refused > 0) logger.info({ resealed, refused, primary: keyring.primary }, 'keys rotated')
  return resealed
}

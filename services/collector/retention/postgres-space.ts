import { isDroppable, monthOf } from '../postgres/partitions.ts'
import { raw, sql } from '../postgres/sql.ts'
import type { Transaction } from '../postgres/transaction.ts'
import type { Freed } from './space.ts'

/** Whoever reads or writes waits so long at most for a month to go. */
const LOCK_MS = 100

const LOCK_NOT_AVAILABLE = '55P03'

/**
 * Drops an empty month that is over: its file goes at once. What is deleted in a month that has others is for autovacuum.
 * When the table is too busy for that now, the next run has another try.
 */
export async function freeSpace(tx: Transaction, now: number): Promise<Freed> {
  const months = await tx.all<{ name: string; bytes: number }>(
    sql`SELECT relname AS name, pg_total_relation_size(pg_class.oid) AS bytes FROM pg_inherits
      JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'reports'::regclass ORDER BY relname`,
  )
  for (const { name, bytes } of months) {
    const [, year, month] = /^reports_(\d+)_(\d\d)$/.exec(name) ?? []
    if (year === undefined || month === undefined) continue
    const { from, to } = monthOf(Date.UTC(Number(year), Number(month) - 1))
    // A month shows nothing by itself: it is the whole table that is asked (see partitions.ts).
    const used = sql`SELECT 1 FROM reports WHERE createdAt >= ${from} AND createdAt < ${to} LIMIT 1`
    if (!isDroppable(to, now) || (await tx.first(used)) !== undefined) continue
    try {
      const isDropped = await tx.alone(async () => {
        tx.later(sql`SELECT set_config('lock_timeout', ${String(LOCK_MS)}, true)`)
        tx.later(raw('LOCK TABLE ONLY reports IN ACCESS EXCLUSIVE MODE'))
        if ((await tx.first(used)) !== undefined) return false
        tx.later(raw(`DROP TABLE ${name}`))
        tx.later(sql`SELECT set_config('lock_timeout', '0', true)`)
        return true
      })
      if (isDropped) return { bytes, isMore: true }
    } catch (error) {
      if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error
      return { bytes: 0, isMore: false }
    }
  }
  return { bytes: 0, isMore: false }
}

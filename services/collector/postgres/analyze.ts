import { EVERY_TENANT, type Pool } from './pool.ts'
import { raw, sql, type Statement } from './sql.ts'
import { transaction } from './transaction.ts'

/** Fewer rows are read or sorted at once, whatever the server knows of them. */
const ROWS_MIN = 1000

/** Each in a transaction of its own; one that somebody else is at is left to them. */
async function analyze(pool: Pool, found: Statement): Promise<number> {
  const tables = await pool.everyTenant.all<{ name: string }>(found)
  for (const { name } of tables) {
    await transaction(pool, EVERY_TENANT, (tx) => tx.run(raw(`ANALYZE (SKIP_LOCKED) ${name}`)))
  }
  return tables.length
}

/**
 * Lets the server look at the months that were filled and never looked at: without statistics it sorts all reports of a month for a page
 * of twenty. Its own autovacuum does it sooner or later, where that is on.
 * @returns how many
 */
export const analyzeFreshMonths = (pool: Pool): Promise<number> =>
  analyze(
    pool,
    sql`SELECT format('%I', relname) AS name FROM pg_stat_user_tables JOIN pg_inherits ON inhrelid = relid
      WHERE inhparent = 'reports'::regclass AND last_analyze IS NULL AND last_autoanalyze IS NULL AND n_live_tup > ${ROWS_MIN}`,
  )

/** The same with all tables of this role, after a load: what the server counts comes late. @returns how many */
export const analyzeAll = (pool: Pool): Promise<number> =>
  analyze(
    pool,
    sql`SELECT format('%I', relname) AS name FROM pg_class
      WHERE relkind = 'r' AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'reports'::regclass)
        AND pg_has_role(relowner, 'USAGE')`,
  )

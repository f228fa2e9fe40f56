import { DatabaseRefused } from '#shared/database.ts'
import { EVERY_TENANT, shownUrl, type Pool } from '../pool.ts'
import { raw, sql, type Statement } from '../sql.ts'
import { transaction } from '../transaction.ts'

/** Under which it is noted that a move has begun, and that everything is there and verified. */
const [BEGUN, ALL] = ['begun', 'all'] as const

const TABLE = raw(`CREATE TABLE IF NOT EXISTS collector_move (
  part TEXT PRIMARY KEY,
  source TEXT NOT NULL,
  done BIGINT NOT NULL
)`)

/** Where something is stored that was not moved there. */
const STORED = ['reports', 'findings', 'schemas', 'sign_tokens', 'tenants'] as const

export type Progress = Awaited<ReturnType<typeof openProgress>>

/**
 * How far a move from this file has come, kept in the database that it goes to.
 * @throws DatabaseRefused when there is something that came from elsewhere
 */
export async function openProgress(pool: Pool, source: string, url: string) {
  const begun = await transaction(pool, EVERY_TENANT, async (tx) => {
    tx.later(TABLE)
    return tx.all<{ part: string; source: string; done: number }>(sql`SELECT part, source, done FROM collector_move`)
  })
  const other = begun.find((row) => row.source !== source)
  if (other !== undefined) {
    throw new DatabaseRefused(
      shownUrl(url),
      `refused, nothing was moved: it has what was moved there from ${other.source}, and this is ${source}; ` +
        'give COLLECTOR_DATABASE_URL an empty database, or set DATA_DIR to the folder of that file to go on with it',
    )
  }
  if (begun.length === 0) {
    for (const table of STORED) {
      const found = await pool.everyTenant.first(sql`SELECT 1 FROM ${raw(table)} LIMIT 1`)
      if (found !== undefined)
        throw new DatabaseRefused(
          shownUrl(url),
          'refused, nothing was moved: it is not empty; give COLLECTOR_DATABASE_URL an empty database',
        )
    }
  }
  const known = new Map(begun.map(({ part, done }) => [part, done]))
  const note = (part: string, done: number): Statement =>
    sql`INSERT INTO collector_move VALUES (${part}, ${source}, ${done}) ON CONFLICT (part) DO UPDATE SET done = excluded.done`
  // Before anything is there: what is stored by a move that ends before its first note would else be taken for somebody else's.
  if (begun.length === 0) await pool.everyTenant.run(note(BEGUN, Date.now()))
  return {
    isBegun: begun.length > 0,
    isDone: known.has(ALL),
    /** How far a part has come: 0 when it was not begun. */
    of: (part: string): number => known.get(part) ?? 0,
    /** To be done in the transaction that stores what it says. */
    note,
    finish: () => pool.everyTenant.run(note(ALL, Date.now())),
  }
}

/**
 * To be asked before a database is used.
 * @throws DatabaseRefused while what is moved there from a file is not all there
 */
export async function refuseUnfinished(pool: Pool, url: string): Promise<void> {
  const { exists } = (await pool.everyTenant.first(
    sql`SELECT to_regclass('collector_move') IS NOT NULL AS exists`,
  )) as {
    exists: boolean
  }
  if (!exists) return
  const rows = await pool.everyTenant.all<{ part: string; source: string }>(
    sql`SELECT part, source FROM collector_move`,
  )
  const [first] = rows
  if (first === undefined || rows.some(({ part }) => part === ALL)) return
  throw new DatabaseRefused(
    shownUrl(url),
    `is not complete: what was moved there from ${first.source} is not all there; ` +
      'npm run collector:migrate-to-postgres goes on with it',
  )
}

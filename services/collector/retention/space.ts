import type { Database } from '#shared/database.ts'

/** What one step gave back, and whether there is more. */
export interface Freed {
  bytes: number
  isMore: boolean
}

/** Pages in one step: a few milliseconds. */
const STEP_PAGES = 200
const INCREMENTAL = 2

/** Gives free pages of the file back to the disk, in steps. A file that was not made for that keeps them for new reports. */
export function createSpace(db: Database) {
  const pragma = (name: string) => db.pragma(name, { simple: true }) as number
  return {
    free(): Freed {
      const before = pragma('page_count')
      db.pragma(`incremental_vacuum(${STEP_PAGES})`)
      const pages = before - pragma('page_count')
      return { bytes: pages * pragma('page_size'), isMore: pages > 0 && pragma('freelist_count') > 0 }
    },
  }
}

/**
 * Rewrites a file of an earlier version once, so that it can give space back from then on. Only at a start, when nobody else has
 * it open, and only when it is small enough for nobody to notice: it needs its size again on the disk meanwhile.
 * @returns whether it did
 */
export function prepareToShrink(db: Database, maxBytes: number): boolean {
  const pragma = (name: string) => db.pragma(name, { simple: true }) as number
  if (pragma('auto_vacuum') === INCREMENTAL || pragma('page_count') * pragma('page_size') > maxBytes) return false
  try {
    db.pragma('auto_vacuum = INCREMENTAL')
    db.exec('VACUUM')
    return true
  } catch (error) {
    // Without the room for it, or while somebody else has it open, it stays as it is.
    if (String((error as { code?: unknown }).code).startsWith('SQLITE_')) return false
    throw error
  }
}

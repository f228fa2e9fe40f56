import type { Database } from '#shared/database.ts'

/** What is counted under one key. Times are milliseconds since 1970. */
export interface Failures {
  failures: number
  /** The time of which `failures` is true; later they are fewer. */
  last: number
  /** The next try is taken from here on. */
  next: number
  /** Nothing of this matters any more from here on. */
  expires: number
}

export type FailureStore = ReturnType<typeof createFailureStore>

const SWEEP_BATCH = 500

/** All SQL about tries to sign in. Keys are MACs. */
export function createFailureStore(db: Database) {
  const find = db.prepare<[Buffer], Failures>('SELECT failures, last, next, expires FROM login_failures WHERE key = ?')
  const put = db.prepare<[object]>(
    'INSERT OR REPLACE INTO login_failures VALUES (@key, @failures, @last, @next, @expires)',
  )
  const remove = db.prepare<[Buffer]>('DELETE FROM login_failures WHERE key = ?')
  const removeOld = db.prepare(
    'DELETE FROM login_failures WHERE key IN (SELECT key FROM login_failures WHERE expires <= ? LIMIT ?)',
  )
  return {
    find: (key: Buffer): Failures | undefined => find.get(key),
    put: (key: Buffer, failures: Failures): void => void put.run({ key, ...failures }),
    remove: (key: Buffer): void => void remove.run(key),
    /** Deletes some that matter no more. @returns whether there may be more */
    sweep: (now: number): boolean => removeOld.run(now, SWEEP_BATCH).changes === SWEEP_BATCH,
  }
}

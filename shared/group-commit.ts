import type { Database } from 'better-sqlite3'
import { Problem } from './problem.ts'

interface Waiting {
  run(): unknown
  resolve(value: unknown): void
  reject(error: unknown): void
}

export interface GroupCommitOptions {
  /** Most writes that may wait; beyond it a write is refused with 503. */
  maxQueue: number
  /** Most writes in one transaction. */
  maxBatch: number
  /** Called when the disk failed at fsync: the process must end, its page cache is not to be trusted any more. */
  onDiskFailure?(error: Error): void
  /** Called after every transaction that is on disk, before its writes are answered. */
  onCommit?(): void
  /** False refuses every write (the file was moved or deleted under us). */
  isUsable?(): boolean
}

/** The refusal of a write while the database is known to be away. */
export const databaseUnusable = (): Problem =>
  new Problem('unavailable', { detail: 'The database is not usable', headers: { 'retry-after': '1' } })

const FULL = /^SQLITE_(FULL|IOERR_WRITE)/
const FSYNC = /^SQLITE_IOERR_(FSYNC|DIR_FSYNC)/

/** What a failed write answers: a full disk is the owner's to mend (507), the rest is ours (500). */
function storageProblem(error: unknown): unknown {
  const code = (error as { code?: unknown }).code
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return error
  if (FULL.test(code)) {
    return new Problem('storage-full', { detail: 'The disk is full; nothing was changed', cause: error })
  }
  if (code === 'SQLITE_BUSY') return new Problem('unavailable', { headers: { 'retry-after': '1' }, cause: error })
  return error
}

/**
 * Group commit: writes that arrive together run in one transaction, each in a savepoint of its own so that one that
 * fails fails alone, and each is answered only when the whole transaction is on disk (synchronous=FULL).
 * The write function must be synchronous and must touch nothing but the database.
 */
export function createGroupCommit(db: Database, options: GroupCommitOptions) {
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const rollback = db.prepare('ROLLBACK')
  const savepoint = db.prepare('SAVEPOINT one')
  const release = db.prepare('RELEASE one')
  const rollbackTo = db.prepare('ROLLBACK TO one')
  let queue: Waiting[] = []
  let scheduled = false

  /** The first of a transaction has nobody before it, and needs no savepoint: SQLite would copy every page that it changes. */
  function runFirst(write: Waiting): { value: unknown } | { error: unknown } {
    try {
      return { value: write.run() }
    } catch (error) {
      if (!db.inTransaction) throw error
      rollback.run()
      begin.run()
      return { error }
    }
  }

  function runAlone(write: Waiting): { value: unknown } | { error: unknown } {
    savepoint.run()
    try {
      const value = write.run()
      release.run()
      return { value }
    } catch (error) {
      // A full disk ends the whole transaction inside SQLite: there is no savepoint left then.
      if (!db.inTransaction) throw error
      rollbackTo.run()
      release.run()
      return { error }
    }
  }

  function flush(): void {
    scheduled = false
    const batch = queue.slice(0, options.maxBatch)
    queue = queue.slice(options.maxBatch)
    if (queue.length > 0) schedule()
    let results: ReturnType<typeof runAlone>[]
    try {
      begin.run()
      results = batch.map((write, index) => (index === 0 ? runFirst(write) : runAlone(write)))
      commit.run()
    } catch (error) {
      if (db.inTransaction) rollback.run()
      for (const { reject } of batch) reject(storageProblem(error))
      if (FSYNC.test(String((error as { code?: unknown }).code))) options.onDiskFailure?.(error as Error)
      return
    }
    options.onCommit?.()
    results.forEach((result, index) => {
      const { resolve, reject } = batch[index] as Waiting
      if ('error' in result) reject(storageProblem(result.error))
      else resolve(result.value)
    })
  }

  function schedule(): void {
    if (scheduled) return
    scheduled = true
    setImmediate(flush)
  }

  return {
    /** Runs `write` in the next transaction and answers its value once that is on disk. */
    run<T>(write: () => T): Promise<T> {
      if (options.isUsable?.() === false) {
        return Promise.reject(databaseUnusable())
      }
      if (queue.length >= options.maxQueue) {
        return Promise.reject(
          new Problem('overloaded', { detail: 'Too many writes are waiting', headers: { 'retry-after': '1' } }),
        )
      }
      return new Promise<T>((resolve, reject) => {
        queue.push({ run: write, resolve: resolve as (value: unknown) => void, reject })
        schedule()
      })
    },
    /** Writes that wait. */
    pending: () => queue.length,
  }
}

import Sqlite, { type Database } from 'better-sqlite3'
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'

export type { Database } from 'better-sqlite3'

/** One step of a schema; append-only, never edited once it has landed. */
export type Migration = string | ((db: Database) => void)

export interface DatabaseOptions {
  /** File name, or ':memory:' in tests. */
  file: string
  /** Four bytes that mark the file as this service's (PRAGMA application_id). */
  applicationId: number
  migrations: readonly Migration[]
  /** Files that are made with it can give free pages back to the disk, in steps (PRAGMA incremental_vacuum). */
  autoVacuum?: 'incremental'
}

/** A database file that must not be opened: one line that names the file and the way out. */
export class DatabaseRefused extends Error {
  constructor(file: string, reason: string) {
    super(`${file}: ${reason}`)
    this.name = 'DatabaseRefused'
  }
}

/** Files above this size are not read through at every start; the backup's verification does that. */
const QUICK_CHECK_MAX_BYTES = 64 * 1024 * 1024
const BUSY_TIMEOUT_MS = 5000
const WAL_KEPT_BYTES = 16 * 1024 * 1024

function configure(db: Database): void {
  db.pragma('journal_mode = WAL')
  // better-sqlite3 builds SQLite with NORMAL in WAL mode: a power cut then loses acknowledged writes. FULL does not.
  db.pragma('synchronous = FULL')
  db.pragma('fullfsync = ON') // macOS: fsync alone leaves the data in the drive's cache
  db.pragma('checkpoint_fullfsync = ON')
  db.pragma('foreign_keys = ON')
  db.pragma('trusted_schema = OFF')
  db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`)
  db.pragma(`journal_size_limit = ${WAL_KEPT_BYTES}`)
}

/** Makes the file under another name and renames it, so that a crash never leaves an unmarked, empty database. */
function create({ file, applicationId, autoVacuum }: DatabaseOptions): void {
  const folder = path.dirname(file)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const fresh = `${file}.new`
  rmSync(fresh, { force: true })
  const db = new Sqlite(fresh)
  // Before anything else: a file that has a page already would need to be rewritten for it.
  if (autoVacuum !== undefined) db.pragma(`auto_vacuum = ${autoVacuum}`)
  db.pragma(`application_id = ${applicationId}`)
  db.close()
  renameSync(fresh, file)
  const handle = openSync(folder, 'r')
  fsyncSync(handle)
  closeSync(handle)
}

function refuseForeign(db: Database, { file, applicationId, migrations }: DatabaseOptions): void {
  const found = db.pragma('application_id', { simple: true })
  if (found !== applicationId) {
    throw new DatabaseRefused(file, 'belongs to another program; move it away or point DATA_DIR elsewhere')
  }
  const version = db.pragma('user_version', { simple: true }) as number
  if (version > migrations.length) {
    throw new DatabaseRefused(
      file,
      `was written by a newer version (schema ${version}, this one knows ${migrations.length}); update the program or restore a backup`,
    )
  }
  if (file !== ':memory:' && statSync(file).size <= QUICK_CHECK_MAX_BYTES) {
    const verdict = db.pragma('quick_check(1)', { simple: true })
    if (verdict !== 'ok') throw new DatabaseRefused(file, `is damaged (${String(verdict)}); restore a backup`)
  }
}

function migrate(db: Database, migrations: readonly Migration[]): void {
  const applied = db.pragma('user_version', { simple: true }) as number
  migrations.slice(applied).forEach((migration, index) => {
    db.transaction(() => {
      if (typeof migration === 'string') db.exec(migration)
      else migration(db)
      db.pragma(`user_version = ${applied + index + 1}`)
    }).immediate()
  })
}

/**
 * Opens (or makes) a service's database: WAL, synchronous=FULL, foreign keys, marked with its application_id, migrated.
 * @throws DatabaseRefused for an empty, foreign, damaged, newer or unwritable file
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { file, applicationId, migrations } = options
  const inMemory = file === ':memory:'
  if (!inMemory) {
    if (!existsSync(file)) create(options)
    else if (statSync(file).size === 0) {
      throw new DatabaseRefused(file, 'is empty (0 bytes); restore a backup, or delete it to start afresh')
    }
  }
  let db: Database | undefined
  try {
    db = new Sqlite(file)
    if (inMemory) db.pragma(`application_id = ${applicationId}`)
    refuseForeign(db, options)
    configure(db)
    migrate(db, migrations)
    return db
  } catch (error) {
    db?.close()
    const code = (error as { code?: unknown }).code
    if (code === 'SQLITE_CANTOPEN' || code === 'SQLITE_READONLY') {
      throw new DatabaseRefused(file, 'is not a file that can be read and written; check it and its permissions')
    }
    if (code === 'SQLITE_NOTADB') throw new DatabaseRefused(file, 'is not a SQLite database; move it away')
    if (code === 'SQLITE_CORRUPT') throw new DatabaseRefused(file, 'is damaged; restore a backup')
    throw error
  }
}

/** Whether the database still answers and its file is still the one that was opened (not deleted or swapped). */
export async function isDatabaseUsable(db: Database): Promise<boolean> {
  try {
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
    if (db.memory) return true
    opened.set(db, opened.get(db) ?? (await stat(db.name)).ino)
    return (await stat(db.name)).ino === opened.get(db)
  } catch {
    return false
  }
}

const opened = new WeakMap<Database, number>()

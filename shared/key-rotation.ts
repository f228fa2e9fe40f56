import type { Database } from './database.ts'
import { headerOf, SealRefused, type Aad } from './envelope.ts'
import { ConfigError } from './config.ts'
import type { Keyring } from './keyring.ts'
import type { Logger } from './logger.ts'
import type { App } from './server.ts'
import type { Writes } from './writes.ts'

type Value = string | number | Buffer | null
export type SealedRow = Record<string, Value>

/** A column whose BLOBs are sealed. */
export interface SealedColumn {
  table: string
  column: string
  /** Columns of the primary key, in its order. */
  key: readonly string[]
  /** What the value of a row is bound to. */
  aad(row: SealedRow): Aad
}

export interface RotationOptions {
  db: Database
  writes: Pick<Writes, 'run'>
  keyring: Keyring
  columns: readonly SealedColumn[]
  logger: Logger
  /** Rows that are read at once and, at most, written in one transaction. */
  batch?: number
}

/** What a run did. */
export interface RotationRun {
  /** Values that are under the primary key now. */
  resealed: number
  /** Values that do not open, because they were damaged or their key is gone; they stay as they are. */
  refused: number
}

export type KeyRotation = ReturnType<typeof createKeyRotation>

const BATCH = 100
const pause = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Whether a key of this id sealed what is in the column. */
function startsWith(column: string, id: string): string {
  const header = headerOf(id)
  return `substr(${column}, 1, ${header.length}) = x'${header.toString('hex')}'`
}

/** All SQL about one sealed column. */
function statements(
  db: Database,
  { table, column, key }: SealedColumn,
  { ids, batch }: { ids: readonly string[]; batch: number },
) {
  const names = key.join(', ')
  const places = key.map(() => '?').join(', ')
  const page = (where: string) =>
    db.prepare<Value[], SealedRow>(`SELECT * FROM ${table} ${where} ORDER BY ${names} LIMIT ${batch}`)
  const first = page('')
  const next = page(`WHERE (${names}) > (${places})`)
  return {
    page: (after: Value[] | undefined) => (after === undefined ? first.all() : next.all(...after)),
    // Only over what was read: who wrote in the meantime sealed with the primary key already.
    replace: db.prepare<Value[]>(`UPDATE ${table} SET ${column} = ? WHERE (${names}) = (${places}) AND ${column} = ?`),
    // One pass over the table, whatever the number of keys: all values, then those of each key.
    counts: db
      .prepare<[], number[]>(
        `SELECT count(*), ${ids.map((id) => `count(*) FILTER (WHERE ${startsWith(column, id)})`).join(', ')}
         FROM ${table} WHERE typeof(${column}) = 'blob'`,
      )
      .raw(),
  }
}

/**
 * Brings sealed values under the primary key of the ring, while the service works: a few rows a transaction, each of which is
 * either done or not. What is left is seen from the values themselves, so a run that was interrupted goes on by being started
 * again, and a run with nothing to do only reads.
 */
export function createKeyRotation({ db, writes, keyring, columns, logger, batch = BATCH }: RotationOptions) {
  const sealed = columns.map((place) => ({ place, ...statements(db, place, { ids: keyring.ids, batch }) }))
  let running: Promise<RotationRun> | undefined
  let stopped = false
  let progress: RotationRun = { resealed: 0, refused: 0 }

  /** The new value of a row, undefined when it needs none or does not open. */
  function resealed({ column, aad }: SealedColumn, row: SealedRow): Buffer | undefined {
    const value = row[column]
    if (!Buffer.isBuffer(value) || !keyring.needsRotation(value)) return undefined
    try {
      return keyring.resealed(value, aad(row))
    } catch (error) {
      if (!(error instanceof SealRefused || error instanceof ConfigError)) throw error
      progress.refused += 1
      logger.error({ reason: error.message }, 'a sealed value cannot be brought under the primary key')
      return undefined
    }
  }

  async function rotate(): Promise<RotationRun> {
    progress = { resealed: 0, refused: 0 }
    for (const { place, page, replace } of sealed) {
      let after: Value[] | undefined
      for (let rows = page(after); rows.length > 0 && !stopped; rows = page(after)) {
        const keyOf = (row: SealedRow) => place.key.map((name) => row[name] as Value)
        const changes = rows.flatMap((row) => {
          const value = resealed(place, row)
          return value === undefined ? [] : [[value, ...keyOf(row), row[place.column] as Buffer]]
        })
        if (changes.length === 0) await pause()
        else {
          const replaceAll = () => changes.reduce((sum, change) => sum + replace.run(...change).changes, 0)
          progress.resealed += await writes.run(replaceAll)
        }
        after = keyOf(rows.at(-1) as SealedRow)
      }
    }
    if (progress.resealed + progress.refused > 0) logger.info({ ...progress, primary: keyring.primary }, 'keys rotated')
    return progress
  }

  return {
    /** Id of the key that everything is brought under. */
    primary: keyring.primary,
    /**
     * Goes through every sealed value; the run that is under way, if there is one.
     * @throws what the database refuses a write with; everything until then is done
     */
    run(): Promise<RotationRun> {
      running ??= rotate().finally(() => (running = undefined))
      return running
    },
    /** How many values each key of the ring has sealed, and how far a run is. */
    status() {
      const counts = sealed.map((one) => one.counts.get() as number[])
      const sumOf = (place: number) => counts.reduce((sum, row) => sum + (row[place] as number), 0)
      const total = sumOf(0)
      const keys = keyring.ids.map((id, i) => ({ id, values: sumOf(i + 1) }))
      return {
        primary: keyring.primary,
        keys,
        /** Sealed by none of the keys in the ring. */
        unknown: total - keys.reduce((sum, { values }) => sum + values, 0),
        left: total - (keys[0] as { values: number }).values,
        running: running !== undefined,
        ...progress,
      }
    },
    /** Ends a run after the transaction that is under way. */
    async stop(): Promise<void> {
      stopped = true
      await running?.catch(() => undefined)
    },
  }
}

/** A rotation that begins with the service, in case the primary key is a new one, and ends before it. */
export function rotateWith(app: App, options: RotationOptions): KeyRotation {
  const rotation = createKeyRotation(options)
  app.addHook('onReady', (done) => {
    rotation.run().catch((error: unknown) => {
      options.logger.error(
        { err: error },
        'the rotation of keys stopped; it goes on when it is asked for, or at a start',
      )
    })
    done()
  })
  app.addHook('onClose', () => rotation.stop())
  return rotation
}

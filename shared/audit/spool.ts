import { closeSync, fsyncSync, mkdirSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import path from 'node:path'
import type { AuditRow } from './row.ts'

export type Spool = ReturnType<typeof createSpool>

/** What of the spool is in memory at once. No row is as long. */
const CHUNK_BYTES = 256 * 1024
const LINE_END = 10

/** Bytes that a process which ended has left, and whether it could finish its last line. */
function leftIn(file: string): { size: number; isTorn: boolean } {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0) return { size, isTorn: false }
  const handle = openSync(file, 'r')
  try {
    const end = Buffer.alloc(1)
    readSync(handle, end, 0, 1, size - 1)
    return { size, isTorn: end[0] !== LINE_END }
  } finally {
    closeSync(handle)
  }
}

/** The rows of whole lines; one that a crash has left half written is none. */
const rowsIn = (text: string): AuditRow[] =>
  text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as AuditRow]
    } catch {
      return []
    }
  })

/**
 * Audit rows that could not be sent, one a line, in `<DATA_DIR>/audit-spool/<process>.ndjson`: first in, first out, and on disk
 * when `add` is done. A row that was read, but not dropped before a crash, is read again.
 * @param maxBytes a row that does not fit is not taken
 */
export function createSpool(dataDir: string, name: string, maxBytes: number) {
  const folder = path.join(dataDir, 'audit-spool')
  const file = path.join(folder, `${name}.ndjson`)
  let { size, isTorn } = leftIn(file)
  let dropped = 0
  let last: Promise<unknown> = Promise.resolve()

  /** One after the other: adding and dropping meet at the end of the file. */
  function serially<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work)
    last = done.catch(() => undefined)
    return done
  }

  /** The lines that fit. */
  function fitting(rows: readonly AuditRow[]): { text: string; lost: number } {
    let text = isTorn ? '\n' : ''
    let length = size + text.length
    let taken = 0
    for (const row of rows) {
      const line = `${JSON.stringify(row)}\n`
      length += Buffer.byteLength(line)
      if (length > maxBytes) break
      text += line
      taken++
    }
    return { text: taken === 0 ? '' : text, lost: rows.length - taken }
  }

  return {
    /** Whether there is nothing to read. */
    isEmpty: (): boolean => dropped === size,
    /** @returns how many of the rows did not fit any more. @throws Error of the disk; then none of them may be there */
    add: (rows: readonly AuditRow[]): Promise<number> =>
      serially(async () => {
        const { text, lost } = fitting(rows)
        if (text === '') return lost
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        const handle = await open(file, 'a', 0o600)
        try {
          await handle.appendFile(text)
          await handle.sync()
          isTorn = false
        } catch (error) {
          // A full disk has taken a part of it.
          isTorn = true
          throw error
        } finally {
          size = (await handle.stat()).size
          await handle.close()
        }
        return lost
      }),
    /** The same at the end of the process, when nothing can be waited for. */
    addNow(rows: readonly AuditRow[]): number {
      const { text, lost } = fitting(rows)
      if (text === '') return lost
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      const handle = openSync(file, 'a', 0o600)
      try {
        writeSync(handle, text)
        fsyncSync(handle)
        size += Buffer.byteLength(text)
        isTorn = false
      } finally {
        closeSync(handle)
      }
      return lost
    },
    /** The oldest rows, some hundred, and where they end. */
    read: (): Promise<{ rows: AuditRow[]; end: number }> =>
      serially(async () => {
        const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT') throw error
        })
        // Somebody has taken the file away.
        if (handle === undefined) return { rows: [], end: size }
        try {
          const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, size - dropped))
          const { bytesRead } = await handle.read(chunk, 0, chunk.length, dropped)
          if (dropped + bytesRead >= size || bytesRead === 0) return { rows: rowsIn(chunk.toString()), end: size }
          const length = chunk.lastIndexOf(LINE_END) + 1 || bytesRead
          return { rows: rowsIn(chunk.toString('utf8', 0, length)), end: dropped + length }
        } finally {
          await handle.close()
        }
      }),
    /** Forgets the rows before `end`; the file goes when nothing is left in it. */
    drop: (end: number): Promise<void> =>
      serially(async () => {
        dropped = end
        if (dropped < size) return
        await rm(file, { force: true })
        size = 0
        dropped = 0
        isTorn = false
      }),
  }
}

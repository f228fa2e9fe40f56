import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import type { AuditRow } from './row.ts'

export type Spool = ReturnType<typeof createSpool>

/**
 * Audit rows that could not be sent, one a line, in `<DATA_DIR>/audit-spool/<process>.ndjson`. Written seldom, and then at
 * once and with fsync: the process may be about to end.
 * @param maxBytes a row that does not fit is not taken
 */
export function createSpool(dataDir: string, name: string, maxBytes: number) {
  const folder = path.join(dataDir, 'audit-spool')
  const file = path.join(folder, `${name}.ndjson`)
  return {
    /** @returns how many of the rows did not fit any more */
    add(rows: readonly AuditRow[]): number {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      let size = existsSync(file) ? statSync(file).size : 0
      let text = ''
      let taken = 0
      for (const row of rows) {
        const line = `${JSON.stringify(row)}\n`
        size += Buffer.byteLength(line)
        if (size > maxBytes) break
        text += line
        taken++
      }
      const handle = openSync(file, 'a', 0o600)
      try {
        writeSync(handle, text)
        fsyncSync(handle)
      } finally {
        closeSync(handle)
      }
      return rows.length - taken
    },
    isEmpty: (): boolean => !existsSync(file),
    /** Everything that is there; a line that a crash left half written is not. */
    read(): AuditRow[] {
      if (!existsSync(file)) return []
      return readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line) => {
          try {
            return line === '' ? [] : [JSON.parse(line) as AuditRow]
          } catch {
            return []
          }
        })
    },
    clear: (): void => rmSync(file, { force: true }),
  }
}

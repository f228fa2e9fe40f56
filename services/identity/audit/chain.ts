import { createHash } from 'node:crypto'
import type { AuditRow } from '#shared/audit/row.ts'

/** A row as it is stored: numbered without gaps, and bound to the one before by its hash. */
export interface StoredRow extends AuditRow {
  seq: number
  hash: Buffer
}

/** What the first row follows. */
export const GENESIS: Buffer = Buffer.alloc(32)

/** The columns that the hash covers, in their order; a column that is added later goes to the end. */
export const COLUMNS = [
  'seq',
  'id',
  'time',
  'service',
  'request_id',
  'event',
  'actor',
  'credential',
  'tenant',
  'ip',
  'user_agent',
  'method',
  'path',
  'permission',
  'status',
  'result',
  'target',
  'detail',
] as const satisfies readonly (keyof StoredRow)[]

/** SHA-256 of the hash before and the row as a JSON array, so that no two rows have the same text. */
export function hashOf(previous: Buffer, row: Omit<StoredRow, 'hash'>): Buffer {
  const text = JSON.stringify(COLUMNS.map((column) => row[column]))
  return createHash('sha256').update(previous).update(text).digest()
}

import { existsSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { Database } from '#shared/database.ts'
import type { Keyring } from '#shared/keyring.ts'
import { hashOf, type StoredRow } from './chain.ts'
import { checkpointFile, contradictedFile, contradiction, readCheckpoint, type Checkpoint } from './checkpoint.ts'
import { createAuditStore } from './store.ts'

export interface Verification {
  /** Rows that were read. */
  rows: number
  first?: number
  last?: number
  /** What is wrong, the first found first; none when everything is as it was written. */
  faults: string[]
  /** Rows in which the service says that it found the log to be another one; proven, and rows before them may be missing. */
  contradictions: number[]
}

/** The row in which the service says that it found the log to be another one than it wrote. */
export const CONTRADICTED = 'audit.contradicted'

/** More of them say nothing new. */
const FAULTS_MAX = 20
/** Looks at a service that adds rows all the time; between two of them its checkpoint has changed. */
const TRIES = 100

/**
 * Reads the whole audit log and compares it with its hashes and its checkpoint, so that any row that was edited, deleted,
 * added, put elsewhere or cut off is found.
 * @param db may be open in the running service, too: it is read in one transaction
 */
export function verifyAudit(db: Database, dataDir: string, keyring: Pick<Keyring, 'verifyMac'>): Verification {
  const store = createAuditStore(db)
  const read = () => readCheckpoint(checkpointFile(dataDir), keyring)
  const look = db.transaction((isLast: boolean) => {
    const point = read()
    const fault = faultOf(point, store)
    // The running service may have moved both between the two reads.
    if (fault !== undefined && !isLast && !isDeepStrictEqual(point, read())) return undefined
    const result = readThrough(db, store.anchor())
    if (fault !== undefined) result.faults.push(fault)
    if (existsSync(contradictedFile(dataDir))) {
      result.faults.push(`the log was another one than written before; its checkpoint is ${contradictedFile(dataDir)}`)
    }
    return result
  })
  for (let tries = 1; ; tries++) {
    const result = look(tries === TRIES)
    if (result !== undefined) return result
  }
}

function faultOf(point: Checkpoint | 'missing' | 'forged', store: ReturnType<typeof createAuditStore>) {
  if (point === 'forged') return 'the checkpoint was not written with a key of the keyring (ENCRYPTION_KEYS_FILE)'
  // The service writes one when it starts on an empty database.
  if (point === 'missing') return 'the checkpoint is missing'
  return contradiction(point, store.head(), store.anchor())
}

/** Follows the chain from what the first row follows to the last one. */
function readThrough(db: Database, anchor: { seq: number; hash: Buffer }): Verification {
  let { seq, hash } = anchor
  const result: Verification = { rows: 0, faults: [], contradictions: [] }
  const fault = (text: string) => void (result.faults.length < FAULTS_MAX && result.faults.push(text))
  for (const row of db.prepare<[], StoredRow>('SELECT * FROM audit ORDER BY seq').iterate()) {
    result.first ??= row.seq
    result.last = row.seq
    result.rows++
    if (row.event === CONTRADICTED) result.contradictions.push(row.seq)
    if (row.seq !== seq + 1)
      fault(row.seq > seq + 2 ? `rows ${seq + 1} to ${row.seq - 1} are missing` : `row ${seq + 1} is missing`)
    else if (!hashOf(hash, row).equals(row.hash)) fault(`row ${row.seq} was changed, or the row before it`)
    ;({ seq, hash } = row)
  }
  return result
}

import { existsSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { Database } from '#shared/database.ts'
import type { Keyring } from '#shared/keyring.ts'
import { hashOf, GENESIS, type StoredRow } from './chain.ts'
import { checkpointFile, contradictedFile, readCheckpoint, type Checkpoint } from './checkpoint.ts'

export interface Verification {
  /** Rows that were read. */
  rows: number
  first?: number
  last?: number
  /** What is wrong, the first found first; none when everything is as it was written. */
  faults: string[]
}

/** More of them say nothing new. */
const FAULTS_MAX = 20
const TRIES = 3

/**
 * Reads the whole audit log and compares it with its hashes and its checkpoint, so that any row that was edited, deleted,
 * added, put elsewhere or cut off is found. Rows that were written since the last checkpoint are compared with each other only.
 * @param db may be open in the running service, too: it is read in one transaction
 */
export function verifyAudit(db: Database, dataDir: string, keyring: Pick<Keyring, 'verifyMac'>): Verification {
  const read = () => readCheckpoint(checkpointFile(dataDir), keyring)
  for (let tries = 1; ; tries++) {
    // Before the table, so that the table can only be newer.
    const point = read()
    const result = db.transaction(() => verifyAgainst(db, dataDir, point))()
    // The running service may have moved both meanwhile: retention between the two reads is no fault.
    if (result.faults.length === 0 || tries === TRIES || isDeepStrictEqual(point, read())) return result
  }
}

function verifyAgainst(db: Database, dataDir: string, point: Checkpoint | 'missing' | 'forged'): Verification {
  const faults: string[] = []
  const fault = (text: string) => void (faults.length < FAULTS_MAX && faults.push(text))
  const anchor = db.prepare<[], { seq: number; hash: Buffer }>('SELECT seq, hash FROM audit_anchor').get()
  let { seq, hash } = anchor ?? { seq: 0, hash: GENESIS }

  if (existsSync(contradictedFile(dataDir))) {
    fault(`the log did not fit its checkpoint at an earlier start, which is kept in ${contradictedFile(dataDir)}`)
  }
  if (point === 'forged') fault('the checkpoint was not written with a key of the keyring')
  else if (point !== 'missing') {
    // Retention says in the checkpoint what it is going to delete, so the table may begin earlier, but never later.
    if (seq > point.anchor_seq) fault(`the begin is cut off: rows up to ${seq} are missing`)
    else if (seq === point.anchor_seq && hash.toString('hex') !== point.anchor_hash) {
      fault(`the begin of the log was moved: row ${seq} had another hash`)
    }
  }

  const result: Verification = { rows: 0, faults }
  const pointed = typeof point === 'string' ? undefined : point
  if (pointed !== undefined && pointed.seq === seq && pointed.hash !== hash.toString('hex')) {
    fault(`row ${seq} is another one than at the last checkpoint`)
  }
  for (const row of db.prepare<[], StoredRow>('SELECT * FROM audit ORDER BY seq').iterate()) {
    result.first ??= row.seq
    result.last = row.seq
    result.rows++
    if (row.seq !== seq + 1)
      fault(row.seq > seq + 2 ? `rows ${seq + 1} to ${row.seq - 1} are missing` : `row ${seq + 1} is missing`)
    else if (!hashOf(hash, row).equals(row.hash)) fault(`row ${row.seq} was changed, or the row before it`)
    ;({ seq, hash } = row)
    if (pointed?.seq === seq && pointed.hash !== hash.toString('hex')) {
      fault(`row ${seq} is another one than at the last checkpoint: the log was written anew`)
    }
  }
  if (point === 'missing' && seq > 0) fault('the checkpoint is missing')
  if (pointed !== undefined && seq < pointed.seq)
    fault(`the end is cut off: rows ${seq + 1} to ${pointed.seq} are missing`)
  return result
}

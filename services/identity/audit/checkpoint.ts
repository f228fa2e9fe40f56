import { existsSync, readFileSync, renameSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import path from 'node:path'
import type { Keyring, Mac } from '#shared/keyring.ts'

/** Where the log ends and begins, as the table cannot say it of itself. Hashes are hexadecimal. */
export interface Checkpoint {
  /** Number and hash of the last row. */
  seq: number
  hash: string
  /** Number and hash of the last row that retention has deleted; 0 and zeros when it has deleted none. */
  anchor_seq: number
  anchor_hash: string
  /** Milliseconds since 1970. */
  time: number
}

type Signed = Checkpoint & Mac

const PURPOSE = 'audit checkpoint'

const textOf = ({ seq, hash, anchor_seq, anchor_hash, time }: Checkpoint): string =>
  JSON.stringify([seq, hash, anchor_seq, anchor_hash, time])

export const checkpointFile = (dataDir: string): string => path.join(dataDir, 'audit.checkpoint')

/** Checkpoints that the log did not fit: proof that rows were cut off or changed. They stay until somebody has looked. */
export const contradictedFile = (dataDir: string): string => `${checkpointFile(dataDir)}.contradicted`

/**
 * The checkpoint in a file.
 * @returns 'missing', or 'forged' for one that no key of the ring has made
 */
export function readCheckpoint(file: string, keyring: Pick<Keyring, 'verifyMac'>): Checkpoint | 'missing' | 'forged' {
  if (!existsSync(file)) return 'missing'
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as Signed
    return keyring.verifyMac(PURPOSE, textOf(found), found) ? found : 'forged'
  } catch {
    return 'forged'
  }
}

/** Writes it so that a crash leaves the old one or the new one. */
export async function writeCheckpoint(file: string, keyring: Pick<Keyring, 'mac'>, point: Checkpoint): Promise<void> {
  const signed: Signed = { ...point, ...keyring.mac(PURPOSE, textOf(point)) }
  const fresh = `${file}.new`
  const handle = await open(fresh, 'w', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(signed)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(fresh, file)
}

/** Puts a checkpoint that the log does not fit aside, unless an older one is there already. */
export function keepContradicted(dataDir: string): void {
  const [from, to] = [checkpointFile(dataDir), contradictedFile(dataDir)]
  if (existsSync(from) && !existsSync(to)) renameSync(from, to)
}

import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import path from 'node:path'
import type { Keyring, Mac } from '#shared/keyring.ts'
import type { Head } from './store.ts'

/** The number of a row and its hash, hexadecimal. */
export interface Point {
  seq: number
  hash: string
}

/** Where the log ends and begins, as the table cannot say it of itself. */
export interface Checkpoint {
  /** The last row. */
  end: Point
  /** Where the log ends as long as the rows up to `end` are still being written; absent when they are. */
  before?: Point
  /** The last row that retention has deleted; number 0 when it has deleted none. */
  anchor: Point
  /** Milliseconds since 1970. */
  time: number
}

type Signed = Checkpoint & Mac

const PURPOSE = 'audit checkpoint'

const textOf = ({ end, before = { seq: -1, hash: '' }, anchor, time }: Checkpoint): string =>
  JSON.stringify([end.seq, end.hash, before.seq, before.hash, anchor.seq, anchor.hash, time])

export const pointOf = ({ seq, hash }: Head): Point => ({ seq, hash: hash.toString('hex') })

export const isPoint = (point: Point | undefined, head: Head): boolean =>
  point !== undefined && point.seq === head.seq && point.hash === head.hash.toString('hex')

export const checkpointFile = (dataDir: string): string => path.join(dataDir, 'audit.checkpoint')

/** A checkpoint that the log did not fit: proof that rows were cut off, changed or added. It stays until somebody has looked. */
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

/** Writes it so that a crash or a power cut leaves the old one or the new one, and never the old one again. */
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
  const folder = await open(path.dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/**
 * What is wrong with the ends of a log, by its checkpoint; undefined for nothing.
 * @param head the last row, the anchor when there is none
 * @param anchor what the first row follows
 */
export function contradiction(
  { end, before, anchor: begin }: Checkpoint,
  head: Head,
  anchor: Head,
): string | undefined {
  // Retention says what it is going to delete before it does, so the log may begin earlier, but never later.
  if (anchor.seq > begin.seq) return `the begin is cut off: rows up to ${anchor.seq} are missing`
  if (anchor.seq === begin.seq && !isPoint(begin, anchor)) return `row ${anchor.seq}, at the begin, was another one`
  if (isPoint(end, head) || isPoint(before, head)) return undefined
  const { seq } = head
  if (seq === end.seq || seq === before?.seq)
    return `row ${seq}, the last one, was another one: the log was written anew`
  return seq < end.seq
    ? `the end is cut off: rows ${seq + 1} to ${end.seq} are missing`
    : `rows ${end.seq + 1} to ${seq} were added by somebody else`
}

/** Keeps a checkpoint that the log does not fit, unless an older one is kept already; an empty file for one that is missing. */
export function keepContradicted(dataDir: string): void {
  const [from, to] = [checkpointFile(dataDir), contradictedFile(dataDir)]
  if (existsSync(to)) return
  if (existsSync(from)) copyFileSync(from, to)
  else writeFileSync(to, '', { mode: 0o600 })
}

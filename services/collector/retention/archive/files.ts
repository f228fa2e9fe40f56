import type { Tenant } from '#shared/scope.ts'
import { hash } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import path from 'node:path'

const SLUG_MAX_LENGTH = 40
const HASH_LENGTH = 16

/** What a file that is being written ends with. */
export const UNFINISHED = '.tmp'
export const ARCHIVE_SUFFIX = '.ndjson.gz'
const MANIFEST_SUFFIX = '.manifest.json'

/** The manifest of an archive lies beside it. */
export const manifestOf = (archive: string): string => archive.slice(0, -ARCHIVE_SUFFIX.length) + MANIFEST_SUFFIX
const archiveOf = (manifest: string): string => manifest.slice(0, -MANIFEST_SUFFIX.length) + ARCHIVE_SUFFIX

export const archiveRoot = (dataDir: string): string => path.join(dataDir, 'archive', 'collector')

/** A folder name for any tenant: readable as far as that is safe, and another one for every other tenant. */
export function tenantFolder(tenantId: Tenant): string {
  const slug = tenantId
    .toLowerCase()
    .replaceAll(/[^\da-z]+/g, '-')
    .slice(0, SLUG_MAX_LENGTH)
  return `${slug}-${hash('sha256', tenantId).slice(0, HASH_LENGTH)}`
}

/** Makes what was renamed in a folder last: the names are on disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes the folder and those above it, and has their names on disk. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let one = folder; one.length >= path.dirname(first).length; one = path.dirname(one)) await syncFolder(one)
}

/** Gives a file that is on disk its name, and has that on disk. */
export async function finish(unfinished: string, file: string): Promise<void> {
  await rename(unfinished, file)
  await syncFolder(path.dirname(file))
}

/**
 * Removes what a process that was killed left behind.
 * @param olderThanMs what is younger may be another's that is at work
 * @returns how many files
 */
export function sweepUnfinished(root: string, olderThanMs: number): number {
  const youngest = Date.now() - olderThanMs
  let swept = 0
  for (const folder of entriesOf(root)) {
    const names = new Set(entriesOf(path.join(root, folder)))
    for (const name of names) {
      const file = path.join(root, folder, name)
      // The manifest gets its name first. One whose archive somebody took elsewhere stays.
      const isEarly = name.endsWith(MANIFEST_SUFFIX) && names.has(archiveOf(name) + UNFINISHED)
      const isLeft = name.endsWith(UNFINISHED) || isEarly
      if (!isLeft || (olderThanMs > 0 && statSync(file).mtimeMs > youngest)) continue
      rmSync(file, { force: true })
      swept++
    }
  }
  return swept
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

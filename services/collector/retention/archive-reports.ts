import type { Tenant } from '#shared/scope.ts'
import path from 'node:path'
import type { Stores } from '../engine/engine.ts'
import { archiveRoot, tenantFolder } from './archive/files.ts'
import { lineOf } from './archive/line.ts'
import { readArchive } from './archive/read.ts'
import type { LineSigner } from './archive/signature.ts'
import { createPace } from './pace.ts'
import { writeArchive, type Place, type Written } from './archive/write.ts'

/** A report that may be deleted, if it is still as it was: when it changed last, in milliseconds since 1970. */
export type Expendable = readonly [id: string, updatedAt: number]

export interface Archived extends Written {
  /** Where it is, below the folder of all archives. */
  name: string
  expendable: Expendable[]
}

interface ArchivingParts {
  store: Pick<Stores['retention'], 'old' | 'byIds'>
  dataDir: string
  tenantId: Tenant
  cutoffTime: number
  label: string
  now: number
  maxBytes: number
  signer: Pick<LineSigner, 'signed'>
  signal: AbortSignal
}

/** Reading a page holds up requests for a few milliseconds; between pages they go on. */
export const PAGE_REPORTS = 100
export const PAGE_BYTES = 524_288

const ID = /^\{"id":"([^"]+)"/

/** Reports that the database has exactly as the archive has them, after all of the archive was read back from the disk. */
async function verify({ file, manifest }: Written, parts: ArchivingParts): Promise<Expendable[]> {
  const { store, tenantId, signer, signal } = parts
  const expendable: Expendable[] = []
  const rest = createPace(signal)
  for await (const lines of readArchive(file, manifest, PAGE_REPORTS)) {
    const ids = lines.map((line) => (ID.exec(line) as RegExpExecArray)[1] as string)
    const found = new Map((await store.byIds(tenantId, ids)).map((row) => [row.id, row]))
    lines.forEach((line, at) => {
      const row = found.get(ids[at] as string)
      if (row !== undefined && signer.signed(tenantId, lineOf(row)) === line) expendable.push([row.id, row.updatedAt])
    })
    await rest()
  }
  return expendable
}

/**
 * Writes the next archive of a tenant's old reports after a place and reads it back.
 * @returns it with those of its reports that may be deleted now; undefined at the end
 * @throws DamagedArchive when the disk does not give back what was written
 */
export async function archiveNext(from: Place, parts: ArchivingParts): Promise<Archived | undefined> {
  const { store, dataDir, tenantId, cutoffTime, label, now, maxBytes, signer, signal } = parts
  const folder = tenantFolder(tenantId)
  const rest = createPace(signal)
  const written = await writeArchive(from, {
    tenantId,
    folder: path.join(archiveRoot(dataDir), folder),
    label,
    now,
    maxBytes,
    signer,
    signal,
    page: async (after) => {
      await rest()
      return store.old(tenantId, cutoffTime, after, PAGE_REPORTS, PAGE_BYTES)
    },
  })
  if (written === undefined) return undefined
  const expendable = await verify(written, parts)
  return { ...written, name: path.join(folder, written.manifest.file), expendable }
}

import type { Tenant } from '#shared/scope.ts'
import { countStreamed } from '#shared/streamed.ts'
import { createHash } from 'node:crypto'
import { createWriteStream, existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { ARCHIVE_SUFFIX, finish, makeFolder, manifestOf, UNFINISHED } from './files.ts'
import { lineOf } from './line.ts'
import { writeManifest, type Manifest } from './manifest.ts'
import type { LineSigner } from './signature.ts'
import type { OldReport } from '../store.ts'

/** Where in the order of time an archive begins, and where the next one will. */
export type Place = readonly [createdAt: number, seq: number]

export interface ArchiveParts {
  tenantId: Tenant
  /** Folder of the tenant's archives. */
  folder: string
  /** What the run calls its archives; no other run may have the same. */
  label: string
  now: number
  maxBytes: number
  /** The reports after a place, oldest first; none at the end. It may take its time between the pages. */
  page: (after: Place) => Promise<readonly OldReport[]>
  signer: Pick<LineSigner, 'signed'>
  signal: AbortSignal
}

export interface Written {
  file: string
  manifest: Manifest
  /** The last report in it. */
  last: Place
}

/** Archives are cut at this many reports, too: their ids are kept in memory while they are verified. */
const REPORTS_MAX = 50_000

const monthOf = (time: number) => new Date(time).toISOString().slice(0, 7)

/**
 * Writes the reports after `from` that are of one month (UTC) and fit into one archive: under a temporary name, and on disk with
 * its manifest when it has its own. Compression is not on this thread.
 * @returns undefined when there are no more
 * @throws what the disk says; nothing unfinished is left then
 */
export async function writeArchive(from: Place, parts: ArchiveParts): Promise<Written | undefined> {
  const { tenantId, folder, label, now, maxBytes, page, signer, signal } = parts
  const first = await page(from)
  const oldest = first[0]?.createdAt
  if (oldest === undefined) return undefined
  const month = monthOf(oldest)
  const content = createHash('sha256')
  const whole = createHash('sha256')
  let [reports, contentBytes, bytes, last] = [0, 0, 0, from]

  const isFull = (next: OldReport) =>
    contentBytes >= maxBytes || reports >= REPORTS_MAX || monthOf(next.createdAt) !== month
  async function* lines(): AsyncGenerator<Buffer> {
    for (let rows = first; rows.length > 0; rows = await page(last)) {
      let text = ''
      let cut = false
      for (const row of rows) {
        if ((cut = isFull(row))) break
        const line = `${signer.signed(tenantId, lineOf(row))}\n`
        text += line
        contentBytes += Buffer.byteLength(line)
        reports++
        last = [row.createdAt, row.seq]
      }
      const chunk = Buffer.from(text)
      content.update(chunk)
      countStreamed(chunk.length)
      yield chunk
      if (cut) return
    }
  }
  async function* counted(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      whole.update(chunk)
      bytes += chunk.length
      yield chunk
    }
  }

  await makeFolder(folder)
  const name = `${month}-${label}${ARCHIVE_SUFFIX}`
  const file = path.join(folder, name)
  const unfinished = file + UNFINISHED
  try {
    const target = createWriteStream(unfinished, { flags: 'wx', mode: 0o600, flush: true })
    await pipeline(lines, createGzip(), counted, target, { signal })
    const manifest: Manifest = {
      format: 'najimban-collector-archive',
      version: 2,
      tenantId,
      file: name,
      createdAt: now,
      reports,
      oldest,
      newest: last[0],
      contentBytes,
      contentSha256: content.digest('hex'),
      bytes,
      sha256: whole.digest('hex'),
    }
    // First: an archive without a manifest could never be taken back.
    await writeManifest(file, manifest)
    await finish(unfinished, file)
    return { file, manifest, last }
  } catch (error) {
    // The manifest of an archive that never got its name is one of nothing. The archive itself is last: by it the others are found.
    const left = existsSync(unfinished) ? [manifestOf(file) + UNFINISHED, manifestOf(file), unfinished] : []
    for (const one of left) await rm(one, { force: true })
    throw error
  }
}

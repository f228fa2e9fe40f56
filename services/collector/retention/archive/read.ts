import { countStreamed } from '#shared/streamed.ts'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { PassThrough, pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { DamagedArchive, type Manifest } from './manifest.ts'

const NEWLINE = 0x0a

/** Tells a fault of the archive from one of the disk. */
const damaged = (error: unknown): unknown => {
  const { code = '', message } = error as NodeJS.ErrnoException
  return code.startsWith('Z_') ? new DamagedArchive(`it cannot be unpacked: ${message}`) : error
}

/**
 * The lines of an archive, a page at a time. Who has read them all knows that size, number and both hashes are those of the
 * manifest: before the end they are only what the file says.
 * @throws DamagedArchive
 */
export async function* readArchive(file: string, manifest: Manifest, pageMax: number): AsyncGenerator<string[]> {
  if (manifest.file !== path.basename(file)) throw new DamagedArchive(`its manifest is that of ${manifest.file}`)
  const size = (await stat(file)).size
  if (size !== manifest.bytes) throw new DamagedArchive(`it has ${size} bytes, not ${manifest.bytes}`)
  const [whole, content] = [createHash('sha256'), createHash('sha256')]
  const raw = new PassThrough()
  raw.on('data', (chunk: Buffer) => whole.update(chunk))
  let reports = 0
  let contentBytes = 0
  let rest: Buffer[] = []
  let page: string[] = []
  const unpacked = pipeline(createReadStream(file), raw, createGunzip(), () => {})
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      content.update(chunk)
      countStreamed(chunk.length)
      contentBytes += chunk.length
      // A bomb ends here, not in memory.
      if (contentBytes > manifest.contentBytes) throw new DamagedArchive('it holds more than its manifest says')
      let from = 0
      for (let to = chunk.indexOf(NEWLINE); to >= 0; to = chunk.indexOf(NEWLINE, from)) {
        page.push(Buffer.concat([...rest, chunk.subarray(from, to)]).toString())
        rest = []
        from = to + 1
        reports++
        if (page.length < pageMax) continue
        yield page
        page = []
      }
      if (from < chunk.length) rest.push(chunk.subarray(from))
    }
  } catch (error) {
    throw damaged(error)
  }
  if (page.length > 0) yield page
  if (rest.length > 0) throw new DamagedArchive('its last line has no end')
  if (reports !== manifest.reports) throw new DamagedArchive(`it holds ${reports} reports, not ${manifest.reports}`)
  if (content.digest('hex') !== manifest.contentSha256) throw new DamagedArchive('its content is not what it was')
  if (whole.digest('hex') !== manifest.sha256) throw new DamagedArchive('its bytes are not what they were')
}

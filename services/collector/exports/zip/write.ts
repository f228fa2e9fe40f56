import { crc32 } from 'node:zlib'
import { centralRecord, dosTime, endRecords, localHeader } from './format.ts'

/** What goes into a zip. */
export interface NamedContent {
  name: string
  content: Buffer
}

/**
 * Writes a zip of stored files, of which every byte follows from their names and contents and the time that all of them bear.
 * Without compression, whose output differs by machine and by version, and with nothing kept but what `keep` is given.
 * @param time milliseconds since 1970
 * @param keep is given the records of the directory, which go between the last file and the end
 */
export function createZipWriter(time: number, keep: (record: Buffer) => void) {
  const dos = dosTime(time)
  let [count, offset, size] = [0, 0, 0]
  return {
    /** The bytes of one more file; its content is not copied. */
    add({ name, content }: NamedContent): [header: Buffer, content: Buffer] {
      const file = { name, crc: crc32(content), size: content.length, time: dos }
      const header = localHeader(file)
      const record = centralRecord(file, offset)
      keep(record)
      count += 1
      offset += header.length + content.length
      size += record.length
      return [header, content]
    },
    /** The bytes that follow the directory. */
    end: (): Buffer => endRecords({ count, size, offset }),
  }
}

/** A zip of a few files, in pieces. */
export function zipParts(files: readonly NamedContent[], time: number): Buffer[] {
  const directory: Buffer[] = []
  const zip = createZipWriter(time, (record) => directory.push(record))
  const contents = files.flatMap((file) => zip.add(file))
  return [...contents, ...directory, zip.end()]
}

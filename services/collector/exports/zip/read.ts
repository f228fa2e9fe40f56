import { readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { CENTRAL, centralRecord, endRecords, LOCAL, localHeader, type ZipFile } from './format.ts'

/** A zip that was changed, cut off, or never was one of ours. */
export class ZipRefused extends Error {
  constructor(offset: number, reason: string) {
    super(`byte ${offset}: ${reason}`)
    this.name = 'ZipRefused'
  }
}

export interface ReadFile extends ZipFile {
  /** Its bytes, a piece at a time; each is good until the next is asked for. */
  pieces: () => Generator<Buffer>
}

const PIECE = 65_536
const NAME_MAX = 255

/**
 * Reads a zip as `createZipWriter` makes it, front to back, and nothing else: every byte must be the one that follows from the
 * names and contents, so there is no room for a second directory, hidden bytes between files, compressed bombs or odd names.
 * Memory does not grow with the zip.
 * @param fd an open file of `length` bytes
 * @throws ZipRefused at the first byte that is not as it would have been written
 */
export function* readZip(fd: number, length: number): Generator<ReadFile> {
  const buffer = Buffer.alloc(PIECE)

  /** At most a piece; the buffer is used again. */
  function read(at: number, size: number, what: string): Buffer {
    if (at + size > length) throw new ZipRefused(length, `the file ends in the middle of ${what}; was it cut off?`)
    for (let got = 0; got < size;) {
      const more = readSync(fd, buffer, got, size - got, at + got)
      if (more === 0) throw new ZipRefused(at + got, `the file ends in the middle of ${what}; was it cut off?`)
      got += more
    }
    return buffer.subarray(0, size)
  }

  function expect(at: number, expected: Buffer, what: string): void {
    const difference = read(at, expected.length, what).findIndex((byte, i) => byte !== expected[i])
    if (difference !== -1) throw new ZipRefused(at + difference, `${what} is not as it was written`)
  }

  /** The file whose local header is at this place, which must be as it was written. */
  function fileAt(at: number): ZipFile {
    const header = read(at, LOCAL.length, 'the header of a file')
    const size = header.readUInt32LE(22)
    const [time, crc, nameLength] = [header.readUInt32LE(10), header.readUInt32LE(14), header.readUInt16LE(26)]
    if (nameLength === 0 || nameLength > NAME_MAX)
      throw new ZipRefused(at + 26, 'the name of a file is too long or empty')
    const name = read(at + LOCAL.length, nameLength, 'the name of a file').toString('latin1')
    const file = { name, crc, size, time }
    expect(at, localHeader(file), `the header of ${JSON.stringify(name)}`)
    return file
  }

  function* pieces(at: number, { name, crc, size }: ZipFile): Generator<Buffer> {
    let sum = 0
    for (let done = 0; done < size; done += PIECE) {
      const piece = read(at + done, Math.min(PIECE, size - done), name)
      sum = crc32(piece, sum)
      yield piece
    }
    if (sum !== crc) throw new ZipRefused(at, `the content of ${name} does not have its CRC`)
  }

  let [offset, count] = [0, 0]
  for (;;) {
    const signature = read(offset, 4, 'the zip').readUInt32LE()
    if (signature === CENTRAL.signature && count > 0) break
    if (signature !== LOCAL.signature) {
      throw new ZipRefused(offset, count === 0 ? 'this is not a zip of the collector' : 'this is no file of a zip')
    }
    const file = fileAt(offset)
    const start = offset + LOCAL.length + file.name.length
    if (start + file.size > length)
      throw new ZipRefused(length, `the file ends in the middle of ${file.name}; was it cut off?`)
    let isRead = false
    yield {
      ...file,
      *pieces() {
        yield* pieces(start, file)
        isRead = true
      },
    }
    // Whoever did not want the content has its sum looked at here.
    if (!isRead) for (const _ of pieces(start, file));
    offset = start + file.size
    count += 1
  }

  const directory = offset
  let at = 0
  for (let i = 0; i < count; i++) {
    const file = fileAt(at)
    const record = centralRecord(file, at)
    expect(offset, record, `the directory's record of ${file.name}`)
    offset += record.length
    at += LOCAL.length + file.name.length + file.size
  }
  const end = endRecords({ count, size: offset - directory, offset: directory })
  expect(offset, end, 'the end of the zip')
  if (offset + end.length !== length)
    throw new ZipRefused(offset + end.length, 'there are bytes after the end of the zip')
}

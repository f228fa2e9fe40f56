/** A file in a zip; it is stored as it is, without compression. */
export interface ZipFile {
  /** ASCII. */
  name: string
  /** CRC-32. */
  crc: number
  /** Bytes, less than 4 GiB. */
  size: number
  /** DOS time, see {@link dosTime}. */
  time: number
}

/** Signatures and lengths of the records (APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16). */
export const LOCAL = { signature: 0x04034b50, length: 30 } as const
export const CENTRAL = { signature: 0x02014b50, length: 46 } as const
const END = { signature: 0x06054b50, length: 22 } as const
const END_64 = { signature: 0x06064b50, length: 56 } as const
const LOCATOR_64 = { signature: 0x07064b50, length: 20 } as const

/** 1.0: nothing is compressed; 4.5: offsets of 64 bits. */
const VERSION = 10
const VERSION_64 = 45
const MADE_BY_UNIX = 3 << 8
/** A file that its owner may write and all may read. */
const MODE = 0o100644
const MAX_16 = 0xffff
const MAX_32 = 0xffffffff
const EXTRA_64 = { id: 1, length: 8 } as const

const [FIRST_YEAR, LAST_YEAR] = [1980, 2107]

/** The moment (milliseconds since 1970) in UTC as zip has it: two seconds fine, from 1980 to 2107; date in the upper half. */
export function dosTime(ms: number): number {
  const time = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO('UTC')
  if (time.year < FIRST_YEAR) return dosTime(Date.UTC(FIRST_YEAR, 0, 1))
  if (time.year > LAST_YEAR) return dosTime(Date.UTC(LAST_YEAR, 11, 31, 23, 59, 58))
  const date = ((time.year - FIRST_YEAR) << 9) | (time.month << 5) | time.day
  return ((date << 16) | (time.hour << 11) | (time.minute << 5) | (time.second >> 1)) >>> 0
}

/** From the pool of small buffers: hundreds of thousands of their own would be as many allocations outside of the heap. */
const zeros = (length: number): Buffer => Buffer.allocUnsafe(length).fill(0)

/** What stands before a file. */
export function localHeader({ name, crc, size, time }: ZipFile): Buffer {
  const header = zeros(LOCAL.length + name.length)
  header.writeUInt32LE(LOCAL.signature, 0)
  header.writeUInt16LE(VERSION, 4)
  header.writeUInt32LE(time, 10)
  header.writeUInt32LE(crc, 14)
  header.writeUInt32LE(size, 18)
  header.writeUInt32LE(size, 22)
  header.writeUInt16LE(name.length, 26)
  header.write(name, LOCAL.length, 'latin1')
  return header
}

/** The file's record in the directory. @param offset where its local header is */
export function centralRecord({ name, crc, size, time }: ZipFile, offset: number): Buffer {
  const is64 = offset >= MAX_32
  const extra = is64 ? EXTRA_64.length + 4 : 0
  const record = zeros(CENTRAL.length + name.length + extra)
  record.writeUInt32LE(CENTRAL.signature, 0)
  record.writeUInt16LE(MADE_BY_UNIX | (is64 ? VERSION_64 : VERSION), 4)
  record.writeUInt16LE(is64 ? VERSION_64 : VERSION, 6)
  record.writeUInt32LE(time, 12)
  record.writeUInt32LE(crc, 16)
  record.writeUInt32LE(size, 20)
  record.writeUInt32LE(size, 24)
  record.writeUInt16LE(name.length, 28)
  record.writeUInt16LE(extra, 30)
  record.writeUInt16LE(MODE, 40)
  record.writeUInt32LE(is64 ? MAX_32 : offset, 42)
  record.write(name, CENTRAL.length, 'latin1')
  if (is64) {
    const at = CENTRAL.length + name.length
    record.writeUInt16LE(EXTRA_64.id, at)
    record.writeUInt16LE(EXTRA_64.length, at + 2)
    record.writeBigUInt64LE(BigInt(offset), at + 4)
  }
  return record
}

/** What stands at the end. @param size bytes of the directory; @param offset where it begins */
export function endRecords({ count, size, offset }: { count: number; size: number; offset: number }): Buffer {
  const is64 = count >= MAX_16 || size >= MAX_32 || offset >= MAX_32
  const end = Buffer.alloc(END.length)
  end.writeUInt32LE(END.signature, 0)
  end.writeUInt16LE(is64 ? MAX_16 : count, 8)
  end.writeUInt16LE(is64 ? MAX_16 : count, 10)
  end.writeUInt32LE(is64 ? MAX_32 : size, 12)
  end.writeUInt32LE(is64 ? MAX_32 : offset, 16)
  if (!is64) return end
  const end64 = Buffer.alloc(END_64.length)
  end64.writeUInt32LE(END_64.signature, 0)
  end64.writeBigUInt64LE(BigInt(END_64.length - 12), 4)
  end64.writeUInt16LE(MADE_BY_UNIX | VERSION_64, 12)
  end64.writeUInt16LE(VERSION_64, 14)
  end64.writeBigUInt64LE(BigInt(count), 24)
  end64.writeBigUInt64LE(BigInt(count), 32)
  end64.writeBigUInt64LE(BigInt(size), 40)
  end64.writeBigUInt64LE(BigInt(offset), 48)
  const locator = Buffer.alloc(LOCATOR_64.length)
  locator.writeUInt32LE(LOCATOR_64.signature, 0)
  locator.writeBigUInt64LE(BigInt(offset + size), 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([end64, locator, end])
}

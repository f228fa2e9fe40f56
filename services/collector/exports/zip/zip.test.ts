import { closeSync, ftruncateSync, openSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import fc from 'fast-check'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import yauzl from 'yauzl'
import { unzip } from '../test/signing.ts'
import { centralRecord, dosTime, endRecords, localHeader } from './format.ts'
import { readZip } from './read.ts'
import { createZipWriter, zipParts, type NamedContent } from './write.ts'

const AT = Date.UTC(2026, 10, 21, 15, 30, 21)

/** What is read of a zip: names and contents. */
function readBack(t: Test, bytes: Buffer): NamedContent[] {
  const file = path.join(t.testdir({}), 'a.zip')
  writeFileSync(file, bytes)
  const fd = openSync(file, 'r')
  try {
    return [...readZip(fd, bytes.length)].map(({ name, pieces }) => ({
      name,
      content: Buffer.concat([...pieces()].map((piece) => Buffer.from(piece))),
    }))
  } finally {
    closeSync(fd)
  }
}

const some = [
  { name: 'a.txt', content: Buffer.from('나침반') },
  { name: 'empty', content: Buffer.alloc(0) },
  { name: '00001/large.bin', content: Buffer.alloc(200_000, 7) },
]

t.test('what is written is read by others, and by us', async (t) => {
  const bytes = Buffer.concat(zipParts(some, AT))
  t.same(
    Object.entries(await unzip(bytes)).map(([name, content]) => ({ name, content })),
    some,
  )
  t.same(readBack(t, bytes), some)
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 }), (contents) => {
      const files = contents.map((content, i) => ({ name: `f${i}`, content: Buffer.from(content) }))
      const back = readBack(t, Buffer.concat(zipParts(files, AT)))
      return back.every(({ name, content }, i) => name === `f${i}` && content.equals(files[i]?.content as Buffer))
    }),
    { numRuns: 20 },
  )
})

t.test('times are those of UTC, two seconds fine, and in the years that zip knows', async (t) => {
  t.equal(dosTime(AT), (((46 << 9) | (11 << 5) | 21) * 65_536 + ((15 << 11) | (30 << 5) | 10)) >>> 0)
  t.equal(dosTime(0), dosTime(Date.UTC(1980, 0, 1)))
  t.equal(dosTime(Date.UTC(3000, 0, 1)), dosTime(Date.UTC(2107, 11, 31, 23, 59, 58)))
})

t.test('any other byte than the one that was written is refused', async (t) => {
  const bytes = Buffer.concat(zipParts(some.slice(0, 2), AT))
  const refusals: string[] = []
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] as number) ^ 1
    try {
      readBack(t, changed)
      t.fail(`byte ${at} was changed`)
    } catch (error) {
      refusals.push((error as Error).name)
    }
  }
  t.same(new Set(refusals), new Set(['ZipRefused']))
  for (const [name, other] of [
    ['cut off', bytes.subarray(0, -1)],
    ['cut off in a content', bytes.subarray(0, 37)],
    ['longer', Buffer.concat([bytes, Buffer.from('x')])],
    ['with something before it', Buffer.concat([Buffer.from('#!/bin/sh\n'), bytes])],
    ['empty', Buffer.alloc(0)],
    ['without files', endRecords({ count: 0, size: 0, offset: 0 })],
    ['something else', Buffer.from('<html>')],
  ] as const) {
    t.throws(() => readBack(t, other), { name: 'ZipRefused' }, name)
  }
})

t.test('a compressed bomb, a foreign name and an odd length are refused before anything is read of them', async (t) => {
  const header = localHeader({ name: 'a', crc: 0, size: 10, time: 0 })
  const deflated = Buffer.from(header)
  deflated.writeUInt16LE(8, 8)
  t.throws(() => readBack(t, Buffer.concat([deflated, Buffer.alloc(50)])), /header of "a" is not as it was written/)
  const nameless = Buffer.from(header)
  nameless.writeUInt16LE(0, 26)
  t.throws(() => readBack(t, nameless), /name of a file is too long or empty/)
  t.throws(() => readBack(t, localHeader({ name: 'a', crc: 0, size: 0xfffffff0, time: 0 })), /was it cut off/)
})

t.test('more than 65,535 files are found by unzip, and by us', async (t) => {
  const records: Buffer[] = []
  const zip = createZipWriter(AT, (record) => records.push(record))
  const pieces: Buffer[] = []
  for (let i = 0; i < 65_600; i++) pieces.push(...zip.add({ name: `f${i}`, content: Buffer.alloc(0) }))
  const bytes = Buffer.concat([...pieces, ...records, zip.end()])
  t.equal(readBack(t, bytes).length, 65_600)
  const { entryCount } = await promisify<Buffer, yauzl.Options, yauzl.ZipFile>(yauzl.fromBuffer)(bytes, {
    lazyEntries: true,
  })
  t.equal(entryCount, 65_600)
})

t.test('a zip of more than 4 GB is found whole by unzip, and by us', async (t) => {
  const file = path.join(t.testdir({}), 'large.zip')
  const fd = openSync(file, 'w+')
  t.teardown(() => closeSync(fd))
  // One file of zeros that takes no room on disk, and one behind it: its place needs more than 32 bits.
  const size = 0xfffffff0
  const zeros = { name: 'zeros', crc: 0, size, time: dosTime(AT) }
  const behind = { name: 'behind', crc: 0, size: 0, time: dosTime(AT) }
  const offset = writeSync(fd, localHeader(zeros), 0, undefined, 0) + size
  writeSync(fd, localHeader(behind), 0, undefined, offset)
  const directory = offset + localHeader(behind).length
  const records = Buffer.concat([centralRecord(zeros, 0), centralRecord(behind, offset)])
  const end = endRecords({ count: 2, size: records.length, offset: directory })
  writeSync(fd, Buffer.concat([records, end]), 0, undefined, directory)
  ftruncateSync(fd, directory + records.length + end.length)
  const listed = spawnSync('unzip', ['-l', file], { encoding: 'utf8' })
  if (listed.error === undefined) t.match(listed.stdout, /4294967280[^]*behind[^]*2 files/)
  const files = readZip(fd, statSync(file).size)
  t.equal(files.next().value?.name, 'zeros')
  files.return(undefined)
})

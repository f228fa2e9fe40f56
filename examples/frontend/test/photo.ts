import { randomFillSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { crc32, deflateSync } from 'node:zlib'

const SIDE = 2600
const RGB = 2
const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

/** A chunk of PNG (ISO/IEC 15948 section 5.3). */
function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(body.length + 8)
  framed.writeUInt32BE(data.length, 0)
  framed.set(body, 4)
  framed.writeUInt32BE(crc32(body), body.length + 4)
  return framed
}

/** A PNG of noise, which nothing can compress: 20 MB that a browser can show. */
export function largePhoto(t: Test) {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(SIDE, 0)
  header.writeUInt32BE(SIDE, 4)
  header.set([8, RGB], 8)
  const row = 1 + SIDE * 3
  const pixels = randomFillSync(Buffer.alloc(SIDE * row))
  // The first byte of a row names its filter: none.
  for (let at = 0; at < pixels.length; at += row) pixels[at] = 0
  const data = deflateSync(pixels, { level: 0 })
  const bytes = Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))])
  const file = path.join(t.testdir({}), '첫눈.png')
  writeFileSync(file, bytes)
  return { path: file, bytes, width: SIDE }
}

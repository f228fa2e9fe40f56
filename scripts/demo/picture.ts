import { crc32, deflateSync } from 'node:zlib'

const WIDTH = 480
const HEIGHT = 320
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
type Color = readonly [red: number, green: number, blue: number]

/** A chunk of a PNG file (W3C PNG, 5.3). */
function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.length, 0)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}

/** A sky over water with a low sun, as a PNG: a picture that is nobody's. */
export function sunset(sky: Color, horizon: Color): Buffer {
  const rows = Buffer.alloc(HEIGHT * (1 + WIDTH * 3))
  for (let y = 0; y < HEIGHT; y++) {
    const depth = y < HEIGHT * 0.62 ? y / (HEIGHT * 0.62) : 1 - ((y / HEIGHT - 0.62) / 0.38) * 0.75
    for (let x = 0; x < WIDTH; x++) {
      const distance = Math.hypot(x - WIDTH * 0.6, y - HEIGHT * 0.5)
      const glow = Math.max(0, 1 - distance / 150) ** 2 + (distance < 26 ? 1 : 0)
      const at = y * (1 + WIDTH * 3) + 1 + x * 3
      for (let c = 0; c < 3; c++) {
        const mixed = (sky[c] as number) * (1 - depth) + (horizon[c] as number) * depth
        rows[at + c] = Math.min(255, mixed + glow * [255, 190, 110][c]!)
      }
    }
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(WIDTH, 0)
  header.writeUInt32BE(HEIGHT, 4)
  header.set([8, 2], 8) // 8 bits, RGB
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

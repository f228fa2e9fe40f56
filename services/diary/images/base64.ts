import { invalidField } from '#shared/problem.ts'

/** Characters that one `push` takes. */
export const PIECE_CHARS = 16 * 1024
const ROOM_BYTES = 64 * 1024

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const INVALID = -1
const SPACE = -2
const PAD = -3

/** What each byte stands for: 0 to 63, or one of the above. */
const VALUES = new Int8Array(256).fill(INVALID)
for (const [value, char] of [...ALPHABET].entries()) VALUES[char.charCodeAt(0)] = value
for (const char of '\t\n\f\r ') VALUES[char.charCodeAt(0)] = SPACE
VALUES['='.charCodeAt(0)] = PAD

const valueOf = (byte: number | undefined): number => VALUES[byte as number] ?? INVALID

export const notBase64 = () => invalidField('body', 'images', 'a data URL is not valid base64')

/**
 * Decodes base64 (RFC 4648 section 4, padding optional, white space ignored) that comes in pieces cut anywhere, all into
 * one buffer. By hand, because what Node has wants strings: a string for each piece made the collector run so often that
 * it took the read buffers for long-lived, and twenty uploads at once needed 60 MB more.
 * `push`, `add` and `end` throw a Problem for what is not base64.
 */
export function createBase64Decoder() {
  const room = Buffer.allocUnsafeSlow(ROOM_BYTES)
  let used = 0
  // The group of four that is not complete: its bits, its characters and its padding.
  let bits = 0
  let count = 0
  let pads = 0
  let ended = false

  /** Two characters of a group are one byte, three are two. */
  function endGroup(): void {
    if (count > 1) room[used++] = (bits << (6 * (4 - count))) >> 16
    if (count > 2) room[used++] = (bits << (6 * (4 - count))) >> 8
    if (count > 3) room[used++] = bits
    bits = 0
    count = 0
  }

  function add(byte: number): void {
    const value = valueOf(byte)
    if (value === SPACE) return
    if (ended || value === INVALID) throw notBase64()
    if (value === PAD) {
      pads++
      if (count < 2 || count + pads > 4) throw notBase64()
      if (count + pads === 4) {
        endGroup()
        ended = true
      }
      return
    }
    if (pads > 0) throw notBase64()
    bits = (bits << 6) | value
    if (++count === 4) endGroup()
  }

  return {
    /** One character, by its code. */
    add,
    /** The characters from `from` to before `to`, at most PIECE_CHARS. */
    push(chunk: Uint8Array, from: number, to: number): void {
      for (let index = from; index < to;) {
        if (count === 0 && !ended && index + 4 <= to) {
          const a = valueOf(chunk[index])
          const b = valueOf(chunk[index + 1])
          const c = valueOf(chunk[index + 2])
          const d = valueOf(chunk[index + 3])
          if ((a | b | c | d) >= 0) {
            room[used] = (a << 2) | (b >> 4)
            room[used + 1] = (b << 4) | (c >> 2)
            room[used + 2] = (c << 6) | d
            used += 3
            index += 4
            continue
          }
        }
        add(chunk[index++] as number)
      }
    },
    end(): void {
      if (count === 1 || (pads > 0 && !ended)) throw notBase64()
      endGroup()
    },
    /** Whether the next piece might not fit; `take` makes room. */
    isFull: () => used + PIECE_CHARS > ROOM_BYTES,
    /** The bytes since the last call; good until the next `push`. */
    take(): Uint8Array {
      const bytes = room.subarray(0, used)
      used = 0
      return bytes
    },
  }
}

import { invalidField } from '#shared/problem.ts'

/** Characters that one `push` takes: small strings die young, and with them the buffers that they were read from. */
export const PIECE_CHARS = 16 * 1024
const ROOM_BYTES = 64 * 1024

export const notBase64 = () => invalidField('body', 'images', 'a data URL is not valid base64')

/**
 * Decodes base64 (RFC 4648 section 4, padding optional, white space ignored) that comes in pieces cut anywhere, all into
 * one buffer. `push` and `end` throw a Problem for what is not base64.
 */
export function createBase64Decoder() {
  const room = Buffer.allocUnsafeSlow(ROOM_BYTES)
  let used = 0
  let carry = ''
  let padded = false

  function decode(text: string, lastChunkHandling: 'loose' | 'stop-before-partial'): number {
    try {
      const { read, written } = room.subarray(used).setFromBase64(text, { lastChunkHandling })
      used += written
      return read
    } catch (error) {
      if (error instanceof SyntaxError) throw notBase64()
      throw error
    }
  }

  return {
    /** At most PIECE_CHARS. */
    push(piece: string): void {
      const text = carry + piece
      // Padding ends the text; a decoder that starts anew with each piece would not see that.
      if (padded && text.trim() !== '') throw notBase64()
      const read = decode(text, 'stop-before-partial')
      padded ||= read > 0 && text.lastIndexOf('=', read - 1) >= 0
      carry = text.slice(read).replace(/\s+/g, '')
    },
    end(): void {
      decode(carry, 'loose')
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

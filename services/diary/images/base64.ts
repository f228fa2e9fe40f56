import { invalidField } from '#shared/problem.ts'

const SCRATCH_BYTES = 64 * 1024

export const notBase64 = () => invalidField('body', 'images', 'a data URL is not valid base64')

/**
 * Decodes base64 (RFC 4648 section 4, padding optional) that comes in pieces cut anywhere.
 * What `push` and `end` answer is good only until the next call: one buffer serves the whole stream.
 * @throws Problem invalid-input
 */
export function createBase64Decoder() {
  let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  let carry = ''
  let padded = false

  function decode(text: string, lastChunkHandling: 'loose' | 'stop-before-partial') {
    if (text.length > scratch.length) scratch = Buffer.allocUnsafeSlow(text.length)
    try {
      return scratch.setFromBase64(text, { lastChunkHandling })
    } catch (error) {
      if (error instanceof SyntaxError) throw notBase64()
      throw error
    }
  }

  return {
    push(piece: string): Uint8Array {
      const text = carry + piece
      // Padding ends the text; a decoder that starts anew with each piece would not see that.
      if (padded && text.trim() !== '') throw notBase64()
      const { read, written } = decode(text, 'stop-before-partial')
      padded ||= text.lastIndexOf('=', read - 1) >= 0 && read > 0
      carry = text.slice(read).replace(/\s+/g, '')
      return scratch.subarray(0, written)
    },
    end(): Uint8Array {
      return scratch.subarray(0, decode(carry, 'loose').written)
    },
  }
}

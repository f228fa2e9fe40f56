import { hash } from 'node:crypto'

const BLOCK_BYTES = 64
const DIGEST_BYTES = 32
/** Longest text that can be signed, in characters. */
export const HMAC_INPUT_MAX = 16_384

/**
 * HMAC-SHA-256 (RFC 2104) with a fixed key, by two one-shot hashes over prepared buffers. `createHmac` makes an object with a
 * finalizer for each call, which costs the garbage collector more than the hashing does.
 * @returns a function from latin1 text of at most HMAC_INPUT_MAX characters to the MAC in base64url
 * @throws RangeError for a longer text
 */
export function createHmacSha256(secret: string): (text: string) => string {
  const key = Buffer.from(secret)
  const block = Buffer.alloc(BLOCK_BYTES)
  block.set(key.length > BLOCK_BYTES ? hash('sha256', key, 'buffer') : key)
  const inner = Buffer.alloc(BLOCK_BYTES + HMAC_INPUT_MAX)
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES)
  for (let i = 0; i < BLOCK_BYTES; i++) {
    inner[i] = (block[i] as number) ^ 0x36
    outer[i] = (block[i] as number) ^ 0x5c
  }
  return (text) => {
    if (text.length > HMAC_INPUT_MAX) throw new RangeError('the text is too long to sign')
    inner.write(text, BLOCK_BYTES, 'latin1')
    outer.set(hash('sha256', inner.subarray(0, BLOCK_BYTES + text.length), 'buffer'), BLOCK_BYTES)
    return hash('sha256', outer, 'base64url')
  }
}

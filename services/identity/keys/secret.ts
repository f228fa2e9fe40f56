import { createHmac, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** What every key begins with, so that scanners of repositories and people know one when they see it. */
export const KEY_PREFIX = 'njm_'

export interface NewKey {
  id: string
  /** The whole key; nobody sees it again. */
  key: string
  hash: Buffer
}

export type KeySecrets = ReturnType<typeof createKeySecrets>

const ID_BYTES = 8
const SECRET_BYTES = 32
/** Letters and digits only: a double click marks a key whole, and no shell or URL minds it. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const BASE = BigInt(DIGITS.length)
/** Digits that hold 64, 256 and 32 bits. */
const [ID_DIGITS, SECRET_DIGITS, CHECK_DIGITS] = [11, 43, 6]
const FORM = new RegExp(
  `^${KEY_PREFIX}([\\dA-Za-z]{${ID_DIGITS}})_([\\dA-Za-z]{${SECRET_DIGITS}})([\\dA-Za-z]{${CHECK_DIGITS}})$`,
)

function base62(bytes: Buffer, length: number): string {
  let rest = BigInt(`0x${bytes.toString('hex')}`)
  let text = ''
  for (let place = 0; place < length; place++) {
    text = `${DIGITS[Number(rest % BASE)]}${text}`
    rest /= BASE
  }
  return text
}

/** Tells a mistyped or shortened key from a wrong one without asking anybody; it protects nothing. */
function checkOf(text: string): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(text))
  return base62(bytes, CHECK_DIGITS)
}

/**
 * Keys `njm_<id>_<256 random bits><CRC-32>`, in base 62.
 * @param pepper makes the stored hashes worthless to one who has only the database
 */
export function createKeySecrets(pepper: Buffer) {
  // Over the whole key: a hash that is moved to the row of another id fits nothing.
  const hashOf = (key: string): Buffer => createHmac('sha256', pepper).update(key).digest()
  return {
    make(): NewKey {
      const id = base62(randomBytes(ID_BYTES), ID_DIGITS)
      const body = `${KEY_PREFIX}${id}_${base62(randomBytes(SECRET_BYTES), SECRET_DIGITS)}`
      const key = `${body}${checkOf(body)}`
      return { id, key, hash: hashOf(key) }
    },
    /** Id and hash of what somebody offers; undefined when it cannot be a key. */
    read(key: string): { id: string; hash: Buffer } | undefined {
      const [, id, , check] = FORM.exec(key) ?? []
      if (id === undefined || checkOf(key.slice(0, -CHECK_DIGITS)) !== check) return undefined
      return { id, hash: hashOf(key) }
    },
  }
}

import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from 'node:crypto'

/** Where a sealed value stands. It opens nowhere else: not in another row, column or table, and for no other owner. */
export interface Aad {
  table: string
  column: string
  /** The primary key of the row. */
  row: string
  /** Whose it is: a user, a tenant, or the service itself. */
  owner: string
}

/** A sealed value that was changed, cut, moved, or never was one. */
export class SealRefused extends Error {
  constructor({ table, column }: Pick<Aad, 'table' | 'column'>) {
    super(`a value of ${table}.${column} does not open: it was changed or moved, or its key is another one`)
    this.name = 'SealRefused'
  }
}

/** AES-256 in Galois/Counter Mode (NIST SP 800-38D) with IVs of 96 random bits. */
const CIPHER = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32
const WRAPPED_BYTES = IV_BYTES + KEY_BYTES + TAG_BYTES

/**
 * The first version of a sealed value: version (1 byte), length of the key id (1 byte), key id, wrapped data key
 * (IV 12, 32, tag 16), value (IV 12, as long as the value, tag 16).
 */
const VERSION = 1

/** A JSON array says where each part ends, so no two places have the same bytes. */
const bound = (layer: 'key' | 'value', { table, column, row, owner }: Aad, keyId: string): Buffer =>
  Buffer.from(JSON.stringify(['najimban', VERSION, layer, keyId, table, column, row, owner]))

function encrypt(key: KeyObject | Buffer, plain: Buffer, aad: Buffer): Buffer {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES }).setAAD(aad)
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** @throws Error when the tag does not fit. Without authTagLength Node would take a tag of four bytes. */
function decrypt(key: KeyObject | Buffer, sealed: Buffer, aad: Buffer): Buffer {
  const end = sealed.length - TAG_BYTES
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAAD(aad).setAuthTag(sealed.subarray(end))
  return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, end)), decipher.final()])
}

/** The bytes that every value begins with which a key of this id sealed. */
export function headerOf(keyId: string): Buffer {
  const id = Buffer.from(keyId)
  return Buffer.concat([Buffer.from([VERSION, id.length]), id])
}

/**
 * The id of the key-encryption key in a sealed value.
 * @returns undefined for what cannot be a sealed value
 */
export function keyIdOf(sealed: Buffer): string | undefined {
  const [version, length] = sealed
  if (version !== VERSION || length === undefined) return undefined
  if (sealed.length < 2 + length + WRAPPED_BYTES + IV_BYTES + TAG_BYTES) return undefined
  return sealed.toString('utf8', 2, 2 + length)
}

const wrappedStart = (keyId: string) => 2 + Buffer.byteLength(keyId)

function unwrap(key: KeyObject, keyId: string, sealed: Buffer, aad: Aad): Buffer {
  const start = wrappedStart(keyId)
  return decrypt(key, sealed.subarray(start, start + WRAPPED_BYTES), bound('key', aad, keyId))
}

/**
 * Envelope encryption: a data key of its own for every value, wrapped by the key-encryption key; both layers are bound to
 * the place of the value.
 * @param key 256 bits
 */
export function sealWith(key: KeyObject, keyId: string, plain: Buffer, aad: Aad): Buffer {
  const dataKey = randomBytes(KEY_BYTES)
  const wrapped = encrypt(key, dataKey, bound('key', aad, keyId))
  const value = encrypt(dataKey, plain, bound('value', aad, ''))
  dataKey.fill(0)
  return Buffer.concat([headerOf(keyId), wrapped, value])
}

/** @throws SealRefused unless exactly this value was sealed with this key for this place */
export function openWith(key: KeyObject, keyId: string, sealed: Buffer, aad: Aad): Buffer {
  try {
    const dataKey = unwrap(key, keyId, sealed, aad)
    const plain = decrypt(dataKey, sealed.subarray(wrappedStart(keyId) + WRAPPED_BYTES), bound('value', aad, ''))
    dataKey.fill(0)
    return plain
  } catch {
    throw new SealRefused(aad)
  }
}

/**
 * The same value under another key-encryption key: only the data key is wrapped anew, the value itself stays as it is.
 * @throws SealRefused unless `from` wrapped the data key of a value for this place
 */
export function rewrap(from: { key: KeyObject; id: string }, to: typeof from, sealed: Buffer, aad: Aad): Buffer {
  try {
    const dataKey = unwrap(from.key, from.id, sealed, aad)
    const wrapped = encrypt(to.key, dataKey, bound('key', aad, to.id))
    dataKey.fill(0)
    return Buffer.concat([headerOf(to.id), wrapped, sealed.subarray(wrappedStart(from.id) + WRAPPED_BYTES)])
  } catch {
    throw new SealRefused(aad)
  }
}

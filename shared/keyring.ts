import { createHmac, createSecretKey, hkdfSync, timingSafeEqual, type KeyObject } from 'node:crypto'
import type Joi from 'joi'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { ConfigError, text, type CommonConfig, type Settings } from './config.ts'
import { keyIdOf, openWith, rewrap, sealWith, SealRefused, type Aad } from './envelope.ts'
import { keysOf, ownKeyFile, ownKeyPath, readKeyFile, type EncryptionKey } from './key-file.ts'

export interface KeyringConfig {
  ENCRYPTION_KEYS?: string
  ENCRYPTION_KEYS_FILE?: string
}

/** Settings of every process that keeps secrets in its database. */
export const keyringSettings: Settings<KeyringConfig> = {
  ENCRYPTION_KEYS: text()
    .custom((value: string, helpers: Joi.CustomHelpers) => {
      const found = keysOf(value.split(','))
      return Array.isArray(found) ? value : helpers.message({ custom: `ENCRYPTION_KEYS ${found.fault}` })
    })
    .description(
      'Keys that secrets in databases are encrypted with: id:base64 of 32 bytes, by commas; the first seals',
    ),
  ENCRYPTION_KEYS_FILE: text()
    .custom((value: string) => path.resolve(value))
    .description('The same, one a line; outside production encryption.keys in DATA_DIR is made and used'),
}

/** A message authentication code and the id of the key that made it. */
export interface Mac {
  key: string
  mac: string
}

/** A key and those that were derived from it, by what they are for. */
interface RingKey {
  id: string
  key: KeyObject
  derived: Map<string, KeyObject>
}

function macOf({ key, derived }: RingKey, purpose: string, text: string): string {
  const before = derived.get(purpose)
  const own = before ?? createSecretKey(Buffer.from(hkdfSync('sha256', key.export(), '', `najimban ${purpose}`, 32)))
  if (before === undefined) derived.set(purpose, own)
  return createHmac('sha256', own).update(text).digest('hex')
}

export type Keyring = ReturnType<typeof createKeyring>

/**
 * Seals values with the first key and opens what any of the keys sealed.
 * @param keys at least one, with different ids
 */
export function createKeyring(keys: readonly EncryptionKey[]) {
  const ring = new Map<string, RingKey>(
    keys.map(({ id, key }) => [id, { id, key: createSecretKey(key), derived: new Map() }]),
  )
  const primary = [...ring.values()][0] as RingKey

  /** @throws ConfigError when the value needs a key that is not there, SealRefused when it is no sealed value */
  function keyFor(sealed: Buffer, aad: Aad) {
    const id = keyIdOf(sealed)
    if (id === undefined) throw new SealRefused(aad)
    const key = ring.get(id)
    if (key !== undefined) return key
    throw new ConfigError([
      `ENCRYPTION_KEYS lacks the key ${JSON.stringify(id)}, with which a value of ${aad.table}.${aad.column} is sealed`,
    ])
  }

  return {
    /** Id of the key that seals. */
    primary: primary.id,
    /** Ids of all keys, the primary one first. */
    ids: [...ring.keys()] as readonly string[],
    seal: (plain: Buffer | string, aad: Aad): Buffer => sealWith(primary.key, primary.id, Buffer.from(plain), aad),
    /** @throws SealRefused for a value that was changed or moved, ConfigError for one whose key is not in the ring */
    open(sealed: Buffer, aad: Aad): Buffer {
      const { id, key } = keyFor(sealed, aad)
      return openWith(key, id, sealed, aad)
    },
    /**
     * A MAC (HMAC-SHA-256, hexadecimal) of a text that lies outside a database, by the primary key.
     * @param purpose keeps the keys of different uses apart (HKDF, RFC 5869)
     */
    mac: (purpose: string, text: string): Mac => ({ key: primary.id, mac: macOf(primary, purpose, text) }),
    /** Whether a key of the ring made it. */
    verifyMac(purpose: string, text: string, { key: id, mac }: Mac): boolean {
      const key = ring.get(id)
      if (key === undefined) return false
      const [expected, offered] = [Buffer.from(macOf(key, purpose, text)), Buffer.from(mac)]
      return expected.length === offered.length && timingSafeEqual(expected, offered)
    },
    /** Whether another key than the primary one sealed it. */
    needsRotation: (sealed: Buffer): boolean => keyIdOf(sealed) !== primary.id,
    /** The same value under the primary key; the value's own encryption stays. @throws as open does */
    resealed: (sealed: Buffer, aad: Aad): Buffer => rewrap(keyFor(sealed, aad), primary, sealed, aad),
  }
}

/** Whether {@link openKeyring} would find keys, without making any. */
export const hasKeys = ({
  ENCRYPTION_KEYS,
  ENCRYPTION_KEYS_FILE,
  DATA_DIR,
}: KeyringConfig & Pick<CommonConfig, 'DATA_DIR'>): boolean =>
  (ENCRYPTION_KEYS ?? ENCRYPTION_KEYS_FILE) !== undefined || existsSync(ownKeyPath(DATA_DIR))

/**
 * The keyring of a process: from ENCRYPTION_KEYS, from ENCRYPTION_KEYS_FILE, or, outside production, from encryption.keys in
 * DATA_DIR, which is made when it is missing.
 * @throws ConfigError naming the variable
 */
export function openKeyring(config: KeyringConfig & Pick<CommonConfig, 'DATA_DIR' | 'NODE_ENV'>): Keyring {
  const { ENCRYPTION_KEYS: given, ENCRYPTION_KEYS_FILE: file } = config
  if (given !== undefined && file !== undefined) {
    throw new ConfigError(['ENCRYPTION_KEYS and ENCRYPTION_KEYS_FILE are both set: which one counts is not clear'])
  }
  if (given !== undefined) return createKeyring(keysOf(given.split(',')) as EncryptionKey[])
  if (file !== undefined) return createKeyring(readKeyFile(file, 'ENCRYPTION_KEYS_FILE'))
  if (config.NODE_ENV === 'production') throw new ConfigError(['ENCRYPTION_KEYS (or ENCRYPTION_KEYS_FILE) is missing'])
  return createKeyring(readKeyFile(ownKeyFile(config.DATA_DIR), 'ENCRYPTION_KEYS_FILE'))
}

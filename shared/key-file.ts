import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { ConfigError } from './config.ts'

export interface EncryptionKey {
  id: string
  /** 32 bytes. */
  key: Buffer
}

const ENTRY = /^(?<id>[\w.-]{1,64}):(?<base64>[A-Za-z0-9+/]*={0,2})$/
const KEY_BYTES = 32
/** Of 32 random bytes hardly any two are the same; a key with fewer different ones was made up by a person. */
const KEY_KINDS_MIN = 16

function keyOf(entry: string): EncryptionKey | string {
  const { id = '', base64 = '' } = ENTRY.exec(entry)?.groups ?? {}
  if (id === '') return 'must be a list of id:base64'
  const key = Buffer.from(base64, 'base64')
  if (key.toString('base64') !== base64) return `has a key ${id} that is not base64 (RFC 4648 section 4, with padding)`
  if (key.length !== KEY_BYTES) return `has a key ${id} of ${key.length} bytes instead of ${KEY_BYTES}`
  return new Set(key).size < KEY_KINDS_MIN ? `has a key ${id} that is too easy to guess` : { id, key }
}

/**
 * Reads entries `id:base64 of 32 bytes`, the first being the one that seals.
 * @returns the keys, or what is wrong, in words that give no key away
 */
export function keysOf(entries: readonly string[]): EncryptionKey[] | { fault: string } {
  const keys: EncryptionKey[] = []
  for (const entry of entries) {
    const found = keyOf(entry.trim())
    if (typeof found === 'string') return { fault: found }
    const twin = keys.find(({ id, key }) => id === found.id || key.equals(found.key))
    if (twin !== undefined) return { fault: `has the same ${twin.id === found.id ? 'id' : 'key'} twice: ${found.id}` }
    keys.push(found)
  }
  return keys.length === 0 ? { fault: 'has no key' } : keys
}

/**
 * The keys of a file with one `id:base64` a line; empty lines and those that begin with # say nothing.
 * @param setting the variable that the file is named by
 * @throws ConfigError naming the variable and the file
 */
export function readKeyFile(file: string, setting: string): EncryptionKey[] {
  let lines: string[]
  try {
    lines = readFileSync(file, 'utf8').split('\n')
  } catch (error) {
    throw new ConfigError([`${setting} cannot be read: ${(error as Error).message}`])
  }
  const found = keysOf(lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#')))
  if (Array.isArray(found)) return found
  throw new ConfigError([`${setting} ${found.fault} (${file})`])
}

/** Where the key file of a development system is. */
export const ownKeyPath = (folder: string): string => path.join(folder, 'encryption.keys')

/**
 * The key file of a development system, made with one random key when it is missing. Processes that start at the same moment
 * agree: each writes a file of its own, and only the first one gets the name (link(2) never replaces).
 * @returns its path
 */
export function ownKeyFile(folder: string): string {
  const file = ownKeyPath(folder)
  if (existsSync(file)) return file
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const own = `${file}.${randomBytes(8).toString('hex')}`
  const id = `own-${randomBytes(4).toString('hex')}`
  try {
    const handle = openSync(own, 'wx', 0o600)
    writeFileSync(handle, `${id}:${randomBytes(KEY_BYTES).toString('base64')}\n`)
    fsyncSync(handle)
    closeSync(handle)
    linkSync(own, file)
    const directory = openSync(folder, 'r')
    fsyncSync(directory)
    closeSync(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(own, { force: true })
  }
  return file
}

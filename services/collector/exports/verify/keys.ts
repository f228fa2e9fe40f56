import { thumbprint } from '#shared/ed25519.ts'
import Sqlite from 'better-sqlite3'
import { createPublicKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto'
import { publicJwk } from '../keys/keys.ts'

/** The id of a key, as bundles name it. */
export const keyIdOf = (key: KeyObject): string => thumbprint(key.export({ format: 'jwk' }).x as string)

const PEM = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g

function jwksOf(text: string): unknown[] {
  const value = JSON.parse(text) as { keys?: unknown; kty?: unknown }
  return Array.isArray(value.keys) ? (value.keys as unknown[]) : [value]
}

/**
 * The Ed25519 public keys in a text: PEM (one or more), a JWK, or a JWKS (RFC 7517). Other keys are passed over.
 * @throws Error for a text that is none of these, or has no such key
 */
export function keysIn(text: string): KeyObject[] {
  const keys = text.includes('-----BEGIN')
    ? [...text.matchAll(PEM)].map(([pem]) => createPublicKey(pem))
    : jwksOf(text).map((jwk) => createPublicKey({ key: jwk as JsonWebKeyInput['key'], format: 'jwk' }))
  const found = keys.filter(({ asymmetricKeyType }) => asymmetricKeyType === 'ed25519')
  if (found.length === 0) throw new Error('it holds no Ed25519 public key')
  return found
}

/** The public keys in the file of a collector, which may be at work meanwhile. @throws Error when they cannot be read */
export function keysOfDatabase(file: string): KeyObject[] {
  const db = new Sqlite(file, { readonly: true, fileMustExist: true })
  try {
    const rows = db.prepare<[], { publicKey: string }>('SELECT publicKey FROM bundle_keys').all()
    return rows.map((row) => createPublicKey({ key: publicJwk(row) as JsonWebKeyInput['key'], format: 'jwk' }))
  } finally {
    db.close()
  }
}

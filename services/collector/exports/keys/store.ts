import type { Database } from '#shared/database.ts'
import type { Aad } from '#shared/envelope.ts'

/** A key that signs bundles. Times are milliseconds since 1970. */
export interface BundleKey {
  /** Thumbprint of the public key (RFC 7638). */
  kid: string
  /** The public key, base64url. */
  publicKey: string
  /** The private JWK, sealed. */
  privateSealed: Uint8Array
  /** It signs the reports that came from then on, until the next one's. */
  active: number
  createdAt: number
}

/** Where a new key stands among those that are there: it is the first one, the next one, or replaces them all. */
export type KeyPlace = 'first' | 'next' | 'only'

export type BundleKeyStore = ReturnType<typeof createBundleKeyStore>

export const bundleKeyAad = (kid: string): Aad => ({
  table: 'bundle_keys',
  column: 'privateSealed',
  row: kid,
  owner: 'collector',
})

export function createBundleKeyStore(db: Database) {
  const all = db.prepare<[], BundleKey>(
    'SELECT kid, publicKey, privateSealed, active, createdAt FROM bundle_keys ORDER BY active, createdAt, kid',
  )
  const insert = db.prepare(
    'INSERT INTO bundle_keys (kid, publicKey, privateSealed, active, createdAt) VALUES (?, ?, ?, ?, ?)',
  )
  const clear = db.prepare('DELETE FROM bundle_keys')
  const reseal = db.prepare('UPDATE bundle_keys SET privateSealed = ? WHERE kid = ? AND privateSealed = ?')
  return {
    /** Every key, in the order in which they sign. */
    all: (): BundleKey[] => all.all(),
    /** Adds a key; as the first one only if there is none yet. @returns all keys as they are then */
    add({ kid, publicKey, privateSealed, active, createdAt }: BundleKey, place: KeyPlace): BundleKey[] {
      if (place === 'only') clear.run()
      if (place !== 'first' || all.all().length === 0) {
        insert.run(kid, publicKey, Buffer.from(privateSealed), active, createdAt)
      }
      return all.all()
    },
    /** Puts the same private key, sealed anew, in the place of what was read. @returns whether that was still there */
    reseal: (kid: string, from: Uint8Array, to: Uint8Array): boolean =>
      reseal.run(Buffer.from(to), kid, Buffer.from(from)).changes === 1,
  }
}

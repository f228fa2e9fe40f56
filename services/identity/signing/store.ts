import type { JWK } from 'jose'
import type { Database } from '#shared/database.ts'
import type { Aad } from '#shared/envelope.ts'
import type { Keyring } from '#shared/keyring.ts'
import { timestamp } from '#shared/timestamp.ts'

/** A key pair (RFC 8037) and when it signs. Times are milliseconds since 1970. */
export interface SigningKey {
  kid: string
  public_jwk: JWK
  private_jwk: JWK
  created_at: string
  /** It signs from here on, until the next one does. */
  active: number
  /** When the next one begins to sign; null for the last one. */
  retired: number | null
}

type Row = Pick<SigningKey, 'kid' | 'created_at' | 'active' | 'retired'> & {
  public_jwk: string
  private_sealed: Buffer
}

export type SigningKeyStore = ReturnType<typeof createSigningKeyStore>

export const signingKeyAad = (kid: string): Aad => ({
  table: 'signing_keys',
  column: 'private_sealed',
  row: kid,
  owner: 'identity',
})

/** All SQL about signing keys. */
export function createSigningKeyStore(db: Database, keyring: Keyring) {
  const all = db.prepare<[], Row>('SELECT * FROM signing_keys ORDER BY active, created_at')
  const lastActive = db.prepare<[], number | null>('SELECT max(active) FROM signing_keys').pluck()
  const insert = db.prepare(
    'INSERT INTO signing_keys (kid, public_jwk, private_sealed, created_at, active) VALUES (?, ?, ?, ?, ?)',
  )
  const retire = db.prepare('UPDATE signing_keys SET retired = ? WHERE retired IS NULL')
  const clear = db.prepare('DELETE FROM signing_keys')
  const remove = db.prepare('DELETE FROM signing_keys WHERE retired <= ?')
  return {
    /** Every key, in the order in which they sign. @throws ConfigError when the keyring lacks a key */
    all: (): SigningKey[] =>
      all.all().map(({ private_sealed, ...row }) => ({
        ...row,
        public_jwk: JSON.parse(row.public_jwk) as JWK,
        private_jwk: JSON.parse(keyring.open(private_sealed, signingKeyAad(row.kid)).toString()) as JWK,
      })),
    /** From when on the last key signs; undefined without any. */
    lastActive: (): number | undefined => lastActive.get() ?? undefined,
    /** Adds a key that signs from `active` on; the one before it retires then. */
    add: db.transaction((publicJwk: JWK, privateJwk: JWK, active: number): void => {
      const kid = publicJwk.kid as string
      retire.run(active)
      const sealed = keyring.seal(JSON.stringify(privateJwk), signingKeyAad(kid))
      insert.run(kid, JSON.stringify(publicJwk), sealed, timestamp(), active)
    }),
    /** Deletes all keys; inside a write that adds another one. */
    clear: (): void => void clear.run(),
    /** Deletes keys that retired at `before` or earlier; inside a write. @returns how many */
    remove: (before: number): number => remove.run(before).changes,
  }
}

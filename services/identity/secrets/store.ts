import { randomBytes } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import type { Aad } from '#shared/envelope.ts'
import type { Keyring } from '#shared/keyring.ts'

export type Secrets = ReturnType<typeof createSecrets>

const SECRET_BYTES = 32

export const secretAad = (name: string): Aad => ({
  table: 'secrets',
  column: 'value_sealed',
  row: name,
  owner: 'identity',
})

/** Random secrets of the service itself. They are asked for while it is built, before anything listens. */
export function createSecrets(db: Database, keyring: Keyring) {
  const find = db.prepare<[string], Buffer>('SELECT value_sealed FROM secrets WHERE name = ?').pluck()
  const insert = db.prepare('INSERT INTO secrets VALUES (?, ?)')
  return {
    /**
     * 32 random bytes, the same at every start; made and stored sealed when they are first asked for.
     * @throws ConfigError when the keyring lacks the key that sealed them
     */
    of(name: string): Buffer {
      const sealed = find.get(name)
      if (sealed !== undefined) return keyring.open(sealed, secretAad(name))
      const secret = randomBytes(SECRET_BYTES)
      insert.run(name, keyring.seal(secret, secretAad(name)))
      return secret
    },
  }
}

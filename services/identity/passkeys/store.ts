import { randomUUIDv7 } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import type { Owner } from '#shared/scope.ts'
import { timestamp } from '#shared/timestamp.ts'

export interface NewPasskey {
  /** Base64url, as the authenticator named it. */
  credential_id: string
  name: string
  /** COSE_Key (RFC 9052 7). */
  public_key: Buffer
  /** Signatures that the authenticator has counted; 0 for ever where it does not count. */
  counter: number
  transports: readonly string[]
  device_type: 'singleDevice' | 'multiDevice'
  backed_up: boolean
}

export interface Passkey {
  id: string
  account_id: Owner
  credential_id: string
  name: string
  public_key: Buffer
  counter: number
  device_type: NewPasskey['device_type']
}

export interface Descriptor {
  credential_id: string
  transports: string[]
}

export type PasskeyStore = ReturnType<typeof createPasskeyStore>

const PASSKEY_JSON = `json_object('id', id, 'name', name, 'device_type', device_type,
  'backed_up', json(iif(backed_up, 'true', 'false')), 'created_at', created_at, 'last_used_at', last_used_at)`

/** All SQL about passkeys. Texts it answers are JSON. */
export function createPasskeyStore(db: Database) {
  const count = db.prepare<[string], number>('SELECT count(*) FROM passkeys WHERE account_id = ?').pluck()
  const list = db
    .prepare<[string], string>(
      `SELECT json_object('passkeys', json_group_array(${PASSKEY_JSON}))
       FROM (SELECT * FROM passkeys WHERE account_id = ? ORDER BY id)`,
    )
    .pluck()
  const read = db
    .prepare<[string, string], string>(`SELECT ${PASSKEY_JSON} FROM passkeys WHERE account_id = ? AND id = ?`)
    .pluck()
  const descriptors = db.prepare<[string], { credential_id: string; transports: string }>(
    'SELECT credential_id, transports FROM passkeys WHERE account_id = ?',
  )
  const byCredential = db.prepare<[string], Passkey>(
    'SELECT id, account_id, credential_id, name, public_key, counter, device_type FROM passkeys WHERE credential_id = ?',
  )
  const insert = db
    .prepare<[object], string>(
      `INSERT INTO passkeys (id, account_id, credential_id, name, public_key, counter, transports, device_type, backed_up, created_at)
       VALUES (@id, @account, @credential_id, @name, @public_key, @counter, @transports, @device_type, @backed_up, @now)
       ON CONFLICT (credential_id) DO NOTHING RETURNING ${PASSKEY_JSON}`,
    )
    .pluck()
  const rename = db
    .prepare<[string, string, string], string>(
      `UPDATE passkeys SET name = ? WHERE account_id = ? AND id = ? RETURNING ${PASSKEY_JSON}`,
    )
    .pluck()
  // Authenticators that do not count say 0 every time (WebAuthn Level 3, 6.1.1).
  const used = db.prepare(
    `UPDATE passkeys SET counter = @counter, backed_up = @backedUp, last_used_at = @now
     WHERE id = @id AND (@counter > counter OR (@counter = 0 AND counter = 0))`,
  )
  const remove = db.prepare<[string, string]>('DELETE FROM passkeys WHERE account_id = ? AND id = ?')

  return {
    count: (account: Owner): number => count.get(account) as number,
    list: (account: Owner): string => list.get(account) as string,
    read: (account: Owner, id: string): string | undefined => read.get(account, id),
    /** What a browser needs to see that an authenticator is registered already. */
    descriptors: (account: Owner): Descriptor[] =>
      descriptors
        .all(account)
        .map(({ credential_id, transports }) => ({ credential_id, transports: JSON.parse(transports) as string[] })),
    /** Whosever it is: at a login the credential says who somebody is. */
    byCredential: (credentialId: string): Passkey | undefined => byCredential.get(credentialId),
    /** Inside a write. @returns undefined when the credential is registered already, by whomever */
    insert: (account: Owner, passkey: NewPasskey): string | undefined =>
      insert.get({
        ...passkey,
        id: randomUUIDv7(),
        account,
        transports: JSON.stringify(passkey.transports),
        backed_up: passkey.backed_up ? 1 : 0,
        now: timestamp(),
      }),
    /** Inside a write. */
    rename: (account: Owner, id: string, name: string): string | undefined => rename.get(name, account, id),
    /**
     * Notes a login; inside a write.
     * @returns false, and notes nothing, when the authenticator has counted no further: there is a copy of it somewhere
     */
    used: (id: string, counter: number, backedUp: boolean): boolean =>
      used.run({ id, counter, backedUp: backedUp ? 1 : 0, now: timestamp() }).changes === 1,
    /** Inside a write. @returns whether there was one */
    remove: (account: Owner, id: string): boolean => remove.run(account, id).changes === 1,
  }
}

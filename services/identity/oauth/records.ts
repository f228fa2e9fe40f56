import { hash } from 'node:crypto'
import type { AdapterPayload } from 'oidc-provider'
import type { Database } from '#shared/database.ts'
import type { Aad } from '#shared/envelope.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { Owner } from '#shared/scope.ts'
import type { Revocations } from '../revocations/store.ts'

/** Tokens that gateways remember; the end of one is told to them. */
const ACCESS_MODELS = ['AccessToken', 'ClientCredentials']

const SWEEP_BATCH = 500
/** What has expired stays for a while, so that its holder is told that it is too old and not that it never was. */
const KEPT_AFTER_MS = 3_600_000

interface Row {
  model: string
  id: string
  payload_sealed: Buffer
  account_id: Owner | null
  consumed: number | null
  expires: number
}

/** What oidc-provider keeps, as the rest of identity reads it. */
export interface OAuthRecord {
  payload: AdapterPayload
  consumed: boolean
  /** Milliseconds since 1970. */
  expires: number
}

export type RecordStore = ReturnType<typeof createRecordStore>

/** Under which a code, token, session or interaction is stored: who reads the file cannot use what is in it. */
export const recordId = (value: string): string => hash('sha256', value, 'base64url')

/** The subject whose revocation ends an opaque access token. */
export const tokenSubject = (token: string): string => `token:${recordId(token)}`

export const recordAad = (model: string, id: string): Aad => ({
  table: 'oidc_records',
  column: 'payload_sealed',
  row: `${model} ${id}`,
  owner: 'identity',
})

/** Whose password, or more, was right in an interaction that has not been gone on with yet. */
function signedInBy({ result }: AdapterPayload): string | undefined {
  const { login, second_factor: half } = (result ?? {}) as {
    login?: { accountId?: string }
    second_factor?: { account?: string }
  }
  return login?.accountId ?? half?.account
}

/** All SQL about what oidc-provider keeps. What changes something is to be called inside a write. */
export function createRecordStore(db: Database, keyring: Keyring, revocations: Pick<Revocations, 'revoke'>) {
  const upsert = db.prepare<[object]>(
    `INSERT INTO oidc_records (model, id, payload_sealed, grant_id, user_code, uid, account_id, client_id, expires)
     VALUES (@model, @id, @sealed, @grant, @userCode, @uid, @account, @client, @expires)
     ON CONFLICT (model, id) DO UPDATE SET payload_sealed = excluded.payload_sealed, grant_id = excluded.grant_id,
       user_code = excluded.user_code, uid = excluded.uid, account_id = excluded.account_id, expires = excluded.expires`,
  )
  const columns = 'SELECT model, id, payload_sealed, account_id, consumed, expires FROM oidc_records'
  const find = db.prepare<[string, string], Row>(`${columns} WHERE model = ? AND id = ?`)
  const byUserCode = db.prepare<[string, string], Row>(`${columns} WHERE user_code = ? AND model = ?`)
  const byUid = db.prepare<[string, string], Row>(`${columns} WHERE uid = ? AND model = ?`)
  const ofAccount = db.prepare<[string, string, number], Row>(
    `${columns} WHERE account_id = ? AND model = ? AND expires > ? ORDER BY expires DESC, id`,
  )
  const consume = db.prepare<[number, string, string]>(
    'UPDATE oidc_records SET consumed = ? WHERE model = ? AND id = ? AND consumed IS NULL',
  )
  const remove = db.prepare<[string, string]>('DELETE FROM oidc_records WHERE model = ? AND id = ?')
  const removeOfGrant = db.prepare<[string, string], { id: string }>(
    'DELETE FROM oidc_records WHERE grant_id = ? AND model = ? RETURNING id',
  )
  const removeGrant = db.prepare<[string]>('DELETE FROM oidc_records WHERE grant_id = ?')
  const removeLogins = db.prepare<[string]>(
    "DELETE FROM oidc_records WHERE account_id = ? AND model IN ('Session', 'Interaction')",
  )
  const removeOld = db.prepare<[number, number]>(
    'DELETE FROM oidc_records WHERE rowid IN (SELECT rowid FROM oidc_records WHERE expires <= ? LIMIT ?)',
  )

  function opened(row: Row | undefined): OAuthRecord | undefined {
    if (row === undefined) return undefined
    const text = keyring.open(row.payload_sealed, recordAad(row.model, row.id)).toString()
    return { payload: JSON.parse(text) as AdapterPayload, consumed: row.consumed !== null, expires: row.expires }
  }

  /** Ends a grant: every code and token of it is gone, and gateways forget what they know of them. */
  function endGrant(grant: string): void {
    if (removeGrant.run(grant).changes > 0) revocations.revoke(`grant:${grant}`)
  }

  return {
    /** @param expires milliseconds since 1970 */
    save(model: string, value: string, payload: AdapterPayload, expires: number): void {
      const id = recordId(value)
      upsert.run({
        model,
        id,
        sealed: keyring.seal(JSON.stringify(payload), recordAad(model, id)),
        // A grant is the first of what belongs to it.
        grant: model === 'Grant' ? value : (payload.grantId ?? null),
        userCode: payload.userCode ?? null,
        uid: payload.uid ?? null,
        account: payload.accountId ?? signedInBy(payload) ?? null,
        client: payload.clientId ?? null,
        expires,
      })
    },
    /** Whatever its age. */
    find: (model: string, value: string): OAuthRecord | undefined => opened(find.get(model, recordId(value))),
    byUserCode: (model: string, userCode: string): OAuthRecord | undefined => opened(byUserCode.get(userCode, model)),
    byUid: (model: string, uid: string): OAuthRecord | undefined => opened(byUid.get(uid, model)),
    /** Those that have not expired, the longest first. */
    ofAccount: (account: Owner, model: string): OAuthRecord[] =>
      ofAccount.all(account, model, Date.now()).map((row) => opened(row) as OAuthRecord),
    /** @returns false when it was used before: of two requests that come together only one may */
    consume: (model: string, value: string): boolean => consume.run(Date.now(), model, recordId(value)).changes === 1,
    destroy(model: string, value: string): void {
      if (model === 'Grant') return endGrant(value)
      const existed = remove.run(model, recordId(value)).changes === 1
      if (existed && ACCESS_MODELS.includes(model)) revocations.revoke(tokenSubject(value))
    },
    /** Ends what one model has of a grant; the grant itself stays. */
    destroyOfGrant(model: string, grant: string): void {
      const ended = removeOfGrant.all(grant, model)
      if (ACCESS_MODELS.includes(model)) for (const { id } of ended) revocations.revoke(`token:${id}`)
    },
    endGrant,
    /**
     * Signs an account out of the provider's own pages, also of those where it is about to be signed in, with everything that
     * it allowed only for as long as it is signed in; what it allowed while it is away stays.
     */
    endLogins(account: Owner): void {
      for (const row of ofAccount.all(account, 'Session', 0)) {
        const { authorizations = {} } = (opened(row) as OAuthRecord).payload
        for (const { grantId, persistsLogout } of Object.values(authorizations)) {
          if (grantId !== undefined && persistsLogout !== true) endGrant(grantId)
        }
      }
      removeLogins.run(account)
    },
    /** Ends every grant of an account, too. */
    endGrants(account: Owner): void {
      for (const row of ofAccount.all(account, 'Grant', 0)) endGrant((opened(row) as OAuthRecord).payload.jti as string)
    },
    /** Deletes some that are too old. @returns whether there may be more */
    sweep: (): boolean => removeOld.run(Date.now() - KEPT_AFTER_MS, SWEEP_BATCH).changes === SWEEP_BATCH,
  }
}

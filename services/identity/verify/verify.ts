import { randomBytes, timingSafeEqual } from 'node:crypto'
import { scopesOf, type Scope } from '#shared/permissions.ts'
import { asOwner } from '#shared/scope.ts'
import type { Verified } from '#shared/verified.ts'
import { emailOf, type AccountStore } from '../accounts/store.ts'
import type { AppPasswordSecrets } from '../app-passwords/password.ts'
import type { AppPasswordStore } from '../app-passwords/store.ts'
import { lesserRole } from '../keys/grant.ts'
import type { KeySecrets } from '../keys/secret.ts'
import type { KeyStore, StoredKey } from '../keys/store.ts'
import type { LastUsed } from './last-used.ts'
import type { VerifyInput } from './schema.ts'

export interface VerifyParts {
  accounts: Pick<AccountStore, 'find' | 'byEmail' | 'membershipsOf' | 'roleIn'>
  keys: Pick<KeyStore, 'byId'>
  keySecrets: Pick<KeySecrets, 'read'>
  appPasswords: Pick<AppPasswordStore, 'match'>
  appPasswordSecrets: Pick<AppPasswordSecrets, 'hashOf'>
  lastUsed: Pick<LastUsed, 'record'>
  /** For access tokens of applications. */
  verifyToken: (token: string) => Promise<Verified | undefined>
}

const SHA256_BYTES = 32
/** What an app password may do: its calendar program needs no more. */
const CALDAV: Scope = 'caldav'

/**
 * Finds out whether a credential is good at this moment, and for what. An unknown one costs the same steps as a wrong one:
 * a look-up, a hash and a comparison.
 */
export function createVerifier(parts: VerifyParts) {
  const { accounts, keys, keySecrets, appPasswords, appPasswordSecrets, lastUsed, verifyToken } = parts
  // Nobody knows a key that has this hash.
  const nobodysHash = randomBytes(SHA256_BYTES)
  const nobody = asOwner('nobody')

  /** Role and scopes of a key now: never more than its account has, whatever it had when the key was made. */
  function powersOf({ account_id, tenant, role, scope }: StoredKey) {
    if (account_id === null) return { role, scope }
    const own = accounts.find(account_id)?.state === 'approved' ? accounts.roleIn(account_id, tenant) : undefined
    if (own === undefined) return undefined
    const least = lesserRole(role, own)
    const reached = scopesOf(least).split(' ')
    const kept = scope.split(' ').filter((one) => reached.includes(one))
    return { role: least, scope: kept.join(' ') }
  }

  function verifyKey(text: string): Verified | undefined {
    const offered = keySecrets.read(text)
    if (offered === undefined) return undefined
    const stored = keys.byId(offered.id)
    const isRight = timingSafeEqual(stored?.hash ?? nobodysHash, offered.hash)
    if (stored === undefined || !isRight) return undefined
    const { id, account_id, tenant, expires_at } = stored
    const expires = expires_at === null ? undefined : Date.parse(expires_at)
    const powers = powersOf(stored)
    if (powers === undefined || (expires !== undefined && expires <= Date.now())) return undefined
    lastUsed.record('key', id)
    const credential = `key:${id}`
    return {
      credential,
      subjects: account_id === null ? [credential] : [credential, `account:${account_id}`],
      ...(account_id === null ? {} : { user: account_id }),
      tenant,
      ...powers,
      ...(expires === undefined ? {} : { expires }),
    }
  }

  function verifyAppPassword(username: string, typed: string): Verified | undefined {
    const account = accounts.byEmail(emailOf(username))
    const holder = account?.id ?? nobody
    const hash = appPasswordSecrets.hashOf(holder, typed)
    const id = hash === undefined ? undefined : appPasswords.match(holder, hash)
    if (id === undefined || account?.state !== 'approved') return undefined
    const [membership] = accounts.membershipsOf(holder)
    if (membership === undefined) return undefined
    lastUsed.record('app-password', id)
    const credential = `app-password:${id}`
    return {
      credential,
      subjects: [credential, `account:${holder}`],
      user: holder,
      tenant: membership.tenant,
      // Its own calendar is all that it is for: no role says more.
      role: 'viewer',
      scope: CALDAV,
    }
  }

  return async ({ key, basic, token }: VerifyInput): Promise<Verified | undefined> => {
    if (key !== undefined) return verifyKey(key)
    if (basic !== undefined) return verifyAppPassword(basic.username, basic.password)
    return verifyToken(token ?? '')
  }
}

export type Verify = ReturnType<typeof createVerifier>

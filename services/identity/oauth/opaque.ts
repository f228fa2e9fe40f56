import type { Scope } from '#shared/permissions.ts'
import { asOwner, asTenant, type Owner } from '#shared/scope.ts'
import type { Verified } from '#shared/verified.ts'
import type { AccountStore } from '../accounts/store.ts'
import type { Client, ClientStore } from './clients/store.ts'
import { tokenSubject, type OAuthRecord, type RecordStore } from './records.ts'
import { isApiScope } from './scopes.ts'

/** As oidc-provider makes them: 43 characters of 6 bits. */
const OPAQUE = /^[\w-]{43}$/

export interface OpaqueOptions {
  records: Pick<RecordStore, 'find'>
  clients: Pick<ClientStore, 'find'>
  accounts: Pick<AccountStore, 'find' | 'roleIn'>
}

/** Verifies access tokens of applications. It reads the database only: nobody's guess makes the provider be loaded. */
export function createTokenVerifier({ records, clients, accounts }: OpaqueOptions) {
  const alive = (record: OAuthRecord | undefined) =>
    record !== undefined && record.expires > Date.now() ? record : undefined

  /** What the token may use: not more than the application may now, whatever it was given. */
  function scopeOf(given: string, client: Client): string {
    const allowed = client.scope.split(' ')
    return given
      .split(' ')
      .filter((scope): scope is Scope => isApiScope(scope) && allowed.includes(scope))
      .join(' ')
  }

  /** One that acts for a person, with the role that the person has in the tenant at this moment. */
  function personal(token: string, { payload, expires }: OAuthRecord): Verified | undefined {
    const { accountId, clientId, grantId, extra, scope = '' } = payload
    const client = clients.find(clientId as string)
    const grant = alive(records.find('Grant', grantId as string))
    if (client === undefined || grant === undefined || typeof extra?.tenant !== 'string') return undefined
    const [user, tenant] = [asOwner(accountId as string), asTenant(extra.tenant)]
    const role = accounts.find(user)?.state === 'approved' ? accounts.roleIn(user, tenant) : undefined
    if (role === undefined) return undefined
    return {
      credential: tokenSubject(token),
      subjects: [tokenSubject(token), `grant:${grantId}`, `client:${client.id}`, `account:${user}`],
      user,
      tenant,
      role,
      scope: scopeOf(scope, client),
      expires,
    }
  }

  /** One of an application itself, with the role and tenant of its registration. */
  function ofClient(token: string, { payload, expires }: OAuthRecord): Verified | undefined {
    const client = clients.find(payload.clientId as string)
    if (client === undefined || client.role === null) return undefined
    return {
      credential: tokenSubject(token),
      subjects: [tokenSubject(token), `client:${client.id}`],
      tenant: client.tenant,
      role: client.role,
      scope: scopeOf(payload.scope ?? '', client),
      expires,
    }
  }

  return {
    /** What an opaque access token of an application may do; undefined for one that is unknown, too old or revoked. */
    async verifyToken(token: string): Promise<Verified | undefined> {
      if (!OPAQUE.test(token)) return undefined
      const person = alive(await records.find('AccessToken', token))
      if (person !== undefined) return personal(token, person)
      const client = alive(await records.find('ClientCredentials', token))
      return client === undefined ? undefined : ofClient(token, client)
    },
  }
}

/** The tenant in which an application acts for an account: its own, when the account is in it, else the account's first. */
export function tenantFor(
  accounts: Pick<AccountStore, 'membershipsOf'>,
  account: Owner,
  client: Pick<Client, 'tenant'>,
) {
  const memberships = accounts.membershipsOf(account)
  return memberships.find(({ tenant }) => tenant === client.tenant) ?? memberships[0]
}

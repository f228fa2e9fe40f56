import type { Owner } from '#shared/scope.ts'
import { timestamp } from '#shared/timestamp.ts'
import type { ClientStore } from '../clients/store.ts'
import type { OAuthRecord, RecordStore } from '../records.ts'

const MS_PER_S = 1000

export type GrantsOf = ReturnType<typeof createGrantsOf>

/** What a person has allowed to applications, as the API and an export show it. */
export function createGrantsOf(records: Pick<RecordStore, 'ofAccount'>, clients: Pick<ClientStore, 'find'>) {
  function viewOf({ payload, expires }: OAuthRecord) {
    const client = clients.find(payload.clientId as string)
    const { scope = '' } = (payload as { openid?: { scope?: string } }).openid ?? {}
    return {
      id: payload.jti as string,
      client: { id: payload.clientId, name: client?.name, first_party: client?.first_party },
      scope,
      created_at: timestamp((payload.iat as number) * MS_PER_S),
      expires_at: timestamp(expires),
    }
  }
  return (user: Owner) => records.ofAccount(user, 'Grant').map(viewOf)
}

import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'
import type { Writes } from '#shared/writes.ts'
import type { ClientStore } from './clients/store.ts'
import { metadataOf } from './clients/metadata.ts'
import type { OAuthRecord, RecordStore } from './records.ts'

const MS_PER_S = 1000

export interface AdapterOptions {
  records: RecordStore
  clients: ClientStore
  writes: Pick<Writes, 'run'>
  /** The refusal of a code or token that was used by somebody else a moment ago. */
  alreadyUsed: (model: string) => Error
}

/** As the provider gave it, with what has happened since. */
const payloadOf = (record: OAuthRecord | undefined): AdapterPayload | undefined =>
  record === undefined ? undefined : { ...record.payload, ...(record.consumed ? { consumed: true } : {}) }

/** Clients are registered by administrators and only read here. */
function clientAdapter(clients: ClientStore): Adapter {
  const refuse = () => Promise.reject(new Error('clients are registered by administrators'))
  return {
    find: (id) => {
      const client = clients.find(id)
      return Promise.resolve(client === undefined ? undefined : metadataOf(client))
    },
    upsert: refuse,
    findByUserCode: refuse,
    findByUid: refuse,
    consume: refuse,
    destroy: refuse,
    revokeByGrantId: refuse,
  }
}

/** What oidc-provider keeps, in SQLite: everything that it is told is on disk before it goes on. */
export function createAdapter({ records, clients, writes, alreadyUsed }: AdapterOptions): AdapterFactory {
  return (model) => {
    if (model === 'Client') return clientAdapter(clients)
    return {
      upsert: (id, payload, expiresIn = 0) =>
        writes.run(() => records.save(model, id, payload, Date.now() + expiresIn * MS_PER_S)),
      find: (id) => Promise.resolve(payloadOf(records.find(model, id))),
      findByUserCode: (userCode) => Promise.resolve(payloadOf(records.byUserCode(model, userCode))),
      findByUid: (uid) => Promise.resolve(payloadOf(records.byUid(model, uid))),
      async consume(id) {
        const isFirst = await writes.run(() => {
          if (records.consume(model, id)) return true
          // A second use ends everything that came of the first (RFC 9700 2.1.1, 4.14.2).
          const grant = records.find(model, id)?.payload.grantId
          if (grant !== undefined) records.endGrant(grant)
          return false
        })
        if (!isFirst) throw alreadyUsed(model)
      },
      destroy: (id) => writes.run(() => records.destroy(model, id)),
      revokeByGrantId: (grant) => writes.run(() => records.destroyOfGrant(model, grant)),
    }
  }
}

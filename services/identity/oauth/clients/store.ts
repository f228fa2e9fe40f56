import { randomUUIDv7 } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import type { Role } from '#shared/permissions.ts'
import type { Tenant } from '#shared/scope.ts'
import { timestamp } from '#shared/timestamp.ts'
import type { ClientInput } from './schema.ts'

export interface Client extends ClientInput {
  id: string
  tenant: Tenant
  /** SHA-256 of the secret; null for a public client. */
  secret_hash: string | null
  created_at: string
  updated_at: string
}

/** Columns of their own; the rest of the input is in `metadata`. */
interface Row {
  id: string
  tenant: Tenant
  name: string
  metadata: string
  role: Role | null
  first_party: number
  secret_hash: string | null
  created_at: string
  updated_at: string
}

export type ClientStore = ReturnType<typeof createClientStore>

function opened(row: Row | undefined): Client | undefined {
  if (row === undefined) return undefined
  const { metadata, first_party, ...columns } = row
  const rest = JSON.parse(metadata) as Omit<ClientInput, 'name' | 'role' | 'first_party'>
  return { ...columns, ...rest, first_party: first_party === 1 }
}

function rowOf(client: ClientInput & Pick<Client, 'secret_hash'>) {
  const { name, role, first_party, secret_hash, redirect_uris, post_logout_redirect_uris } = client
  const { grant_types, token_endpoint_auth_method, application_type, scope } = client
  return {
    name,
    role,
    first_party: first_party ? 1 : 0,
    secret_hash,
    metadata: JSON.stringify({
      redirect_uris,
      post_logout_redirect_uris,
      grant_types,
      token_endpoint_auth_method,
      application_type,
      scope,
    }),
  }
}

/** All SQL about registered applications. */
export function createClientStore(db: Database) {
  const find = db.prepare<[string], Row>('SELECT * FROM oauth_clients WHERE id = ?')
  const list = db.prepare<[string, string, number], Row>(
    'SELECT * FROM oauth_clients WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?',
  )
  const count = db.prepare<[string], number>('SELECT count(*) FROM oauth_clients WHERE tenant = ?').pluck()
  const insert = db.prepare<[object], Row>(
    `INSERT INTO oauth_clients (id, tenant, name, metadata, role, first_party, secret_hash, created_at, updated_at)
     VALUES (@id, @tenant, @name, @metadata, @role, @first_party, @secret_hash, @now, @now) RETURNING *`,
  )
  const update = db.prepare<[object], Row>(
    `UPDATE oauth_clients SET name = @name, metadata = @metadata, role = @role, first_party = @first_party,
       secret_hash = @secret_hash, updated_at = @now WHERE id = @id AND tenant = @tenant RETURNING *`,
  )
  const remove = db.prepare<[string, string]>('DELETE FROM oauth_clients WHERE id = ? AND tenant = ?')

  return {
    /** For the protocol itself, which asks by id alone. */
    find: (id: string): Client | undefined => opened(find.get(id)),
    /** Another tenant's is not there. */
    of(tenant: Tenant, id: string): Client | undefined {
      const client = opened(find.get(id))
      return client?.tenant === tenant ? client : undefined
    },
    /** By id, the oldest first. @param after the id before the first one */
    list: (tenant: Tenant, after: string, limit: number): Client[] =>
      list.all(tenant, after, limit).map((row) => opened(row) as Client),
    count: (tenant: Tenant): number => count.get(tenant) as number,
    insert: (tenant: Tenant, client: ClientInput, secretHash: string | null): Client =>
      opened(
        insert.get({ ...rowOf({ ...client, secret_hash: secretHash }), id: randomUUIDv7(), tenant, now: timestamp() }),
      ) as Client,
    update: (tenant: Tenant, client: Client): Client =>
      opened(update.get({ ...rowOf(client), id: client.id, tenant, now: timestamp() })) as Client,
    /** Deletes the application with all codes, tokens and grants, by their references. @returns whether there was one */
    remove: (tenant: Tenant, id: string): boolean => remove.run(id, tenant).changes === 1,
  }
}

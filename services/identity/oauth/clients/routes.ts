import type { FastifyRequest } from 'fastify'
import { etagOf, requireMatch } from '#shared/etag.ts'
import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import { scopesOf } from '#shared/permissions.ts'
import { invalidField, Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Writes } from '#shared/writes.ts'
import type { IdentityConfig } from '../../config.ts'
import type { Revocations } from '../../revocations/store.ts'
import { requireConsistent } from './faults.ts'
import { newSecret, secretHashOf } from './metadata.ts'
import {
  clientSchema,
  clientsSchema,
  createSchema,
  listSchema,
  newClientSchema,
  updateSchema,
  type ClientInput,
  type ListQuery,
} from './schema.ts'
import type { Client, ClientStore } from './store.ts'

interface ById {
  Params: { id: string }
}

export interface ClientRouteOptions {
  clients: ClientStore
  revocations: Pick<Revocations, 'revoke'>
  writes: Writes
  config: Pick<IdentityConfig, 'OAUTH_CLIENTS_MAX' | 'OAUTH_CLIENTS_LIST_MAX'>
}

/** An application as the API shows it; not even the hash of its secret leaves. */
const viewOf = ({ secret_hash: _hidden, ...client }: Client) => client

/** What an administrator without limits has. */
const REACHED = scopesOf('admin').split(' ')

const isPublic = (client: Pick<Client, 'token_endpoint_auth_method'>) => client.token_endpoint_auth_method === 'none'

/** /api/admin/clients: the applications of the administrator's tenant. */
export const clientRoutes =
  ({ clients, revocations, writes, config }: ClientRouteOptions) =>
  async (routes: App): Promise<void> => {
    const tags = ['oauth clients']
    const ownerOf = (request: FastifyRequest) => request.caller.user ?? request.caller.tenant

    function requireClient(tenant: Tenant, id: string): Client {
      const client = clients.of(tenant, id)
      if (client === undefined) throw new Problem('not-found', { detail: 'Application not found' })
      return client
    }

    /**
     * Nobody gives an application more than they have, as with keys: who can change it, or its secret, can act as it.
     * @throws Problem forbidden (403)
     */
    function requireGiveable({ caller }: FastifyRequest, { scope }: Pick<ClientInput, 'scope'>): void {
      const limits = caller.scope?.split(' ')
      const beyond = scope.split(' ').filter((one) => REACHED.includes(one) && limits?.includes(one) === false)
      if (beyond.length === 0) return
      const message = `An application cannot get ${beyond.join(' ')} from you`
      throw new Problem('forbidden', { detail: message, errors: [{ in: 'body', field: 'scope', message }] })
    }

    /** Guards of a write to one application, inside its transaction. */
    function requireUnchanged(request: FastifyRequest<ById>): Client {
      const client = requireClient(request.caller.tenant, request.params.id)
      const field = request.headers['if-match']
      if (field !== undefined) requireMatch(field, etagOf(JSON.stringify(viewOf(client))))
      return client
    }

    routes.get<{ Querystring: ListQuery }>(
      '/',
      {
        schema: {
          tags,
          summary: 'Applications of the tenant, the oldest first',
          querystring: listSchema(config.OAUTH_CLIENTS_LIST_MAX),
          response: { 200: clientsSchema },
        },
      },
      async (request) => {
        const { limit, cursor } = request.query
        const [after] = cursor === undefined ? [''] : (decodeCursor(cursor, ['string']) as [string])
        const page = await clients.list(request.caller.tenant, after, limit + 1)
        const shown = page.slice(0, limit)
        const next_cursor = page.length > limit ? { next_cursor: encodeCursor([(shown.at(-1) as Client).id]) } : {}
        return { clients: shown.map(viewOf), ...next_cursor }
      },
    )

    routes.post<{ Body: ClientInput }>(
      '/',
      {
        config: { etag: false },
        schema: {
          tags,
          summary: 'Registers an application; its secret is shown this once',
          body: createSchema,
          response: { 201: newClientSchema },
        },
      },
      (request, reply) => {
        const { tenant } = request.caller
        requireConsistent(request.body)
        requireGiveable(request, request.body)
        const secret = isPublic(request.body) ? undefined : newSecret()
        void reply.header('cache-control', 'no-store')
        return writes.answer(
          request,
          reply,
          ownerOf(request),
          () => {
            if (clients.count(tenant) >= config.OAUTH_CLIENTS_MAX) {
              throw new Problem('conflict', {
                detail: `A tenant has at most ${config.OAUTH_CLIENTS_MAX} applications (OAUTH_CLIENTS_MAX)`,
              })
            }
            const client = clients.insert(tenant, request.body, secret === undefined ? null : secretHashOf(secret))
            request.auditEvent = { event: 'client.registered', target: `client:${client.id}` }
            return {
              status: 201,
              body: { ...viewOf(client), ...(secret === undefined ? {} : { client_secret: secret }) },
            }
          },
          { sensitive: true },
        )
      },
    )

    routes.get<ById>(
      '/:id',
      { schema: { tags, summary: 'One application', response: { 200: clientSchema } } },
      async (request) => viewOf(requireClient(request.caller.tenant, request.params.id)),
    )

    routes.patch<ById & { Body: Partial<ClientInput> }>(
      '/:id',
      { schema: { tags, summary: 'Changes what is sent', body: updateSchema, response: { 200: clientSchema } } },
      (request, reply) =>
        writes.answer(request, reply, ownerOf(request), () => {
          const before = requireUnchanged(request)
          const client = { ...before, ...request.body }
          requireGiveable(request, before)
          requireGiveable(request, client)
          if (isPublic(client) !== isPublic(before)) {
            const message = 'an application with a secret and one without are two: register another one'
            throw invalidField('body', 'token_endpoint_auth_method', message)
          }
          requireConsistent(client)
          // Scopes or role may be fewer now: whoever remembers a token of it asks anew.
          revocations.revoke(`client:${client.id}`)
          request.auditEvent = { event: 'client.changed', target: `client:${client.id}` }
          return { status: 200, body: viewOf(clients.update(request.caller.tenant, client)) }
        }),
    )

    routes.delete<ById>(
      '/:id',
      { schema: { tags, summary: 'Removes an application with everything that people allowed it' } },
      (request, reply) =>
        writes.answer(request, reply, ownerOf(request), () => {
          const { id } = requireUnchanged(request)
          revocations.revoke(`client:${id}`)
          clients.remove(request.caller.tenant, id)
          request.auditEvent = { event: 'client.removed', target: `client:${id}` }
          return { status: 204 }
        }),
    )

    routes.post<ById>(
      '/:id/secret',
      {
        config: { etag: false },
        schema: { tags, summary: 'A new secret in place of the old one, shown this once' },
      },
      (request, reply) => {
        void reply.header('cache-control', 'no-store')
        return writes.answer(
          request,
          reply,
          ownerOf(request),
          () => {
            const client = requireUnchanged(request)
            requireGiveable(request, client)
            if (isPublic(client)) throw new Problem('conflict', { detail: 'A public application has no secret' })
            const secret = newSecret()
            clients.update(request.caller.tenant, { ...client, secret_hash: secretHashOf(secret) })
            request.auditEvent = { event: 'client.secret-rotated', target: `client:${client.id}` }
            return { status: 200, body: { id: client.id, client_secret: secret } }
          },
          { sensitive: true },
        )
      },
    )
  }

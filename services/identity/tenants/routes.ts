import { DEFAULT_TENANT } from '#shared/caller.ts'
import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { EndAccess } from '../accounts/access.ts'
import type { AccountsConfig } from '../accounts/settings.ts'
import type { Revocations } from '../revocations/store.ts'
import { keyOwnerOf, realmOf, requireSystem, tenantNotFound } from './realm.ts'
import { createSchema, querySchema, tenantParams, tenantSchema, tenantsSchema } from './schema.ts'
import type { TenantStore } from './store.ts'

export interface TenantParts {
  tenants: TenantStore
  revocations: Pick<Revocations, 'revoke'>
  endAccess: EndAccess
  writes: Writes
  config: AccountsConfig
}

/** /api/admin/tenants: administrators of the tenant `default` make and delete tenants, others see their own. */
export const tenantRoutes = (parts: TenantParts) => async (routes: App) => {
  const { tenants, revocations, endAccess, writes, config } = parts
  const tags = ['administration']

  routes.get(
    '/',
    {
      schema: {
        tags,
        summary: 'Tenants by id',
        querystring: querySchema(config.ACCOUNTS_LIST_MAX),
        response: { 200: tenantsSchema },
      },
    },
    async (request, reply) => {
      const { limit, cursor } = request.query
      const after = cursor === undefined ? {} : { after: decodeCursor(cursor, ['string'])[0] as string }
      const found = await tenants.list(realmOf(request.caller), { ...after, limit: limit + 1 })
      const shown = found.slice(0, limit)
      const next = found.length > limit ? { next_cursor: encodeCursor([shown.at(-1)?.id as string]) } : {}
      return reply.send({ tenants: shown, ...next })
    },
  )

  routes.post(
    '/',
    {
      config: { etag: false },
      schema: { tags, summary: 'A new tenant', body: createSchema, response: { 201: tenantSchema } },
    },
    (request, reply) => {
      requireSystem(realmOf(request.caller))
      const { id, name } = request.body
      return writes.answer(request, reply, keyOwnerOf(request.caller), () => {
        if (tenants.find(id) !== undefined) throw new Problem('conflict', { detail: `There is already a tenant ${id}` })
        if (tenants.count() >= config.TENANTS_MAX) {
          throw new Problem('conflict', { detail: `There are as many tenants as there may be (TENANTS_MAX)` })
        }
        request.auditEvent = { event: 'tenant.created', target: `tenant:${id}` }
        return { status: 201, body: tenants.insert(id, name) }
      })
    },
  )

  routes.delete(
    '/:id',
    { schema: { tags, summary: 'Delete a tenant: roles, keys and applications in it end', params: tenantParams } },
    (request, reply) => {
      requireSystem(realmOf(request.caller))
      const { id } = request.params
      return writes.answer(request, reply, keyOwnerOf(request.caller), () => {
        if (id === DEFAULT_TENANT) throw new Problem('conflict', { detail: `The tenant ${DEFAULT_TENANT} stays` })
        if (tenants.find(id) === undefined) throw tenantNotFound()
        const { members, keys, clients } = tenants.remove(id)
        for (const account of members) endAccess(account)
        for (const key of keys) revocations.revoke(`key:${key}`)
        for (const client of clients) revocations.revoke(`client:${client}`)
        request.auditEvent = {
          event: 'tenant.deleted',
          target: `tenant:${id}`,
          detail: { members: members.length, keys: keys.length, clients: clients.length },
        }
        return { status: 204 }
      })
    },
  )
}

import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import { asTenant } from '#shared/scope.ts'
import type { Tenant } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CollectorConfig } from '../config.ts'
import type { Stores } from '../engine/engine.ts'
import type { Writer } from '../writer/queue.ts'
import { tenantNotFound, unnamedTenant, viewOf, type TenantView } from './changes.ts'
import { changeSchema, createSchema, listQuery, tenantParams, tenantSchema, tenantsSchema } from './schema.ts'
import type { TenantState } from './store.ts'
import type { Tenants } from './tenants.ts'

interface TenantParts {
  store: Stores['tenants']
  tenants: Tenants
  writer: Writer
  config: CollectorConfig
}

/** A tenant, whether it has settings of its own or only keys or reports. @throws Problem not-found (404) */
export async function findTenant(
  { store, tenants }: Pick<TenantParts, 'store' | 'tenants'>,
  id: Tenant,
): Promise<TenantView> {
  const row = await store.find(id)
  if (row !== undefined) return viewOf(row)
  if (!tenants.exists(id) && (await store.stored(id)) === undefined) throw tenantNotFound()
  return viewOf(unnamedTenant(id))
}

/** /admin/tenants: those who run the system say which tenants there are, and how much of it each may use. */
export const tenantRoutes = (parts: TenantParts) => async (app: App) => {
  const { store, tenants, writer, config } = parts
  const tags = ['tenants']

  app.get(
    '/admin/tenants',
    {
      schema: { tags, summary: 'Tenants by id', querystring: listQuery(config), response: { 200: tenantsSchema } },
    },
    async (request) => {
      const { limit, cursor } = request.query
      const after = cursor === undefined ? '' : (decodeCursor(cursor, ['string'])[0] as string)
      // Those of API_KEYS are there before they have sent anything.
      const named = tenants.names.filter((name) => name > after).map(asTenant)
      const ids = [...new Set([...(await store.ids(after, limit + 1)), ...named])].sort().slice(0, limit + 1)
      const shown = await Promise.all(ids.slice(0, limit).map((id) => findTenant(parts, id)))
      const next = ids.length > limit ? { nextCursor: encodeCursor([shown.at(-1)?.id as string]) } : {}
      return { tenants: shown, ...next }
    },
  )

  app.post(
    '/admin/tenants',
    { schema: { tags, summary: 'A new tenant', body: createSchema, response: { 201: tenantSchema } } },
    async (request, reply) => {
      const { id, ...input } = request.body
      request.auditEvent = { event: 'tenant.created', target: `tenant:${id}` }
      await writer.answer(request, reply, request.caller.tenant, ['addTenant', id, input, Date.now()])
      return reply
    },
  )

  app.get(
    '/admin/tenants/:id',
    { schema: { tags, summary: 'One tenant', params: tenantParams, response: { 200: tenantSchema } } },
    (request) => findTenant(parts, request.params.id),
  )

  app.patch(
    '/admin/tenants/:id',
    {
      schema: {
        tags,
        summary: "Change a tenant's title or quotas",
        description: 'What is not named stays. It holds for the next report.',
        params: tenantParams,
        body: changeSchema,
        response: { 200: tenantSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const { 'if-match': ifMatch } = request.headers
      request.auditEvent = { event: 'tenant.changed', target: `tenant:${id}` }
      await writer.answer(request, reply, request.caller.tenant, [
        'changeTenant',
        id,
        request.body,
        ifMatch,
        Date.now(),
      ])
      return reply
    },
  )

  const move = (state: TenantState) => async (request: FastifyRequest, reply: FastifyReply) => {
    const { id } = request.params as { id: Tenant }
    const { 'if-match': ifMatch } = request.headers
    request.auditEvent = { event: `tenant.${state === 'active' ? 'resumed' : state}`, target: `tenant:${id}` }
    await writer.answer(request, reply, request.caller.tenant, ['moveTenant', id, state, ifMatch, Date.now()])
    return reply
  }
  for (const [verb, state, summary] of [
    ['suspend', 'suspended', 'Suspend a tenant: nothing of it is taken or shown any more, at once; its data stays'],
    ['resume', 'active', 'End the suspension of a tenant'],
  ] as const) {
    app.post(
      `/admin/tenants/:id/${verb}`,
      { schema: { tags, summary, params: tenantParams, response: { 200: tenantSchema } } },
      move(state),
    )
  }

  app.delete(
    '/admin/tenants/:id',
    {
      schema: {
        tags,
        summary: 'Delete the settings of a tenant without reports',
        description: 'As long as it has keys it is there, with the quotas of the settings.',
        params: tenantParams,
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const { 'if-match': ifMatch } = request.headers
      request.auditEvent = { event: 'tenant.deleted', target: `tenant:${id}` }
      await writer.answer(request, reply, request.caller.tenant, ['removeTenant', id, ifMatch])
      return reply
    },
  )
}

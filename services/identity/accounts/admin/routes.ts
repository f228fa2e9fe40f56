import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '#shared/caller.ts'
import { etagOf, requireMatch } from '#shared/etag.ts'
import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import { Problem } from '#shared/problem.ts'
import type { Owner, Tenant } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { Mailer } from '../../mail/mailer.ts'
import { keyOwnerOf, realmOf, requireGivable, requireTenant, tenantNotFound } from '../../tenants/realm.ts'
import type { TenantStore } from '../../tenants/store.ts'
import type { EndAccess } from '../access.ts'
import { accountSchema } from '../schema.ts'
import type { AccountsConfig } from '../settings.ts'
import type { Account, AccountStore, Membership } from '../store.ts'
import { accountView } from '../view.ts'
import { accountParams, accountsSchema, querySchema, roleParams, roleSchema } from './schema.ts'
import { ACTS, type Act } from './states.ts'
import type { AdminStore } from './store.ts'

export interface AdminParts {
  accounts: AccountStore
  admin: AdminStore
  tenants: TenantStore
  mailer: Mailer
  endAccess: EndAccess
  writes: Writes
  config: AccountsConfig & { PUBLIC_URL: string }
}

const JSON_TYPE = 'application/json; charset=utf-8'

export const accountNotFound = () => new Problem('not-found', { detail: 'Account not found' })

/** An account as this administrator sees it. @throws Problem not-found (404) for one of others */
export function requireAccount(admin: AdminStore, caller: Caller, id: Owner) {
  const account = admin.find(realmOf(caller), id)
  if (account === undefined || account.state === 'deleting') throw accountNotFound()
  return account
}

/** Only who looks after all its tenants may do something to an account as a whole. @throws Problem forbidden (403) */
export function requireWhole(admin: AdminStore, caller: Caller, id: Owner): void {
  if (admin.isElsewhere(realmOf(caller), id)) {
    throw new Problem('forbidden', { detail: 'This account has roles in other tenants; take away the one in yours' })
  }
}

/** /api/admin/accounts: the accounts of those who have a role in the administrator's tenant. */
export const adminAccountRoutes = (parts: AdminParts) => async (routes: App) => {
  const { accounts, admin, tenants, mailer, endAccess, writes, config } = parts
  const tags = ['administration']

  const textOf = (account: Account & { memberships: readonly Membership[] }): string =>
    JSON.stringify(accountView(account, account.memberships))

  /** The account of a write, if If-Match allows it. */
  function matched(request: FastifyRequest, id: Owner) {
    const account = requireAccount(admin, request.caller, id)
    requireMatch(request.headers['if-match'], etagOf(textOf(account)))
    return account
  }

  /** @throws Problem conflict (409) when the tenant would be left without an administrator who can sign in */
  function requireOtherAdmin(tenant: Tenant, account: Account): void {
    if (account.state !== 'approved' || accounts.roleIn(account.id, tenant) !== 'admin') return
    if (tenants.hasOtherAdmin(tenant, account.id)) return
    throw new Problem('conflict', { detail: `The tenant ${tenant} would have no administrator any more` })
  }

  routes.get(
    '/',
    {
      schema: {
        tags,
        summary: 'Accounts, the newest first',
        querystring: querySchema(config.ACCOUNTS_LIST_MAX),
        response: { 200: accountsSchema },
      },
    },
    async (request, reply) => {
      const { limit, cursor, ...selection } = request.query
      const after = cursor === undefined ? {} : { after: decodeCursor(cursor, ['string'])[0] as string }
      const found = await admin.list(realmOf(request.caller), { ...selection, ...after, limit: limit + 1 })
      const shown = found.slice(0, limit)
      const next = found.length > limit ? { next_cursor: encodeCursor([shown.at(-1)?.id as string]) } : {}
      return reply.send({ accounts: shown.map((account) => accountView(account, account.memberships)), ...next })
    },
  )

  routes.get(
    '/:id',
    { schema: { tags, summary: 'One account', params: accountParams, response: { 200: accountSchema } } },
    (request, reply) => reply.type(JSON_TYPE).send(textOf(requireAccount(admin, request.caller, request.params.id))),
  )

  function act(request: FastifyRequest, reply: FastifyReply, id: Owner, { from, change, ends, event }: Act) {
    return writes.answer(request, reply, keyOwnerOf(request.caller), () => {
      const account = matched(request, id)
      requireWhole(admin, request.caller, id)
      if (!from.includes(account.state) || (account.state === 'pending' && account.awaits_approval === 0)) {
        const waits = account.state === 'pending' ? ' and waits for its mail only' : ''
        throw new Problem('conflict', { detail: `This account is ${account.state}${waits}` })
      }
      if (ends) {
        for (const { tenant } of account.memberships) requireOtherAdmin(tenant, account)
        endAccess(id)
      }
      const changed = accounts.update(id, change)
      const { email: to, locale } = changed
      if (event === ACTS.approve.event && changed.state === 'approved')
        mailer.post({ template: 'approved', to, locale })
      request.auditEvent = { event, target: `account:${id}`, detail: { before: account.state } }
      return { status: 200, body: textOf(requireAccount(admin, request.caller, id)) }
    })
  }

  for (const [name, one] of Object.entries(ACTS)) {
    routes.post(
      `/:id/${name}`,
      { schema: { tags, summary: one.summary, params: accountParams, response: { 200: accountSchema } } },
      (request, reply) => act(request, reply, request.params.id, one),
    )
  }

  routes.put(
    '/:id/roles',
    {
      schema: {
        tags,
        summary: 'Give a role in a tenant, in place of the one before; ends everything that the account has open',
        params: accountParams,
        body: roleSchema,
        response: { 200: accountSchema },
      },
    },
    (request, reply) => {
      const { id } = request.params
      const { tenant, role } = request.body
      return writes.answer(request, reply, keyOwnerOf(request.caller), () => {
        const account = matched(request, id)
        requireTenant(realmOf(request.caller), tenant)
        if (tenants.find(tenant) === undefined) throw tenantNotFound()
        requireGivable(request.caller, role)
        const before = accounts.roleIn(id, tenant)
        if (before !== role) {
          if (role !== 'admin') requireOtherAdmin(tenant, account)
          accounts.join(id, tenant, role)
          endAccess(id)
          const detail = { tenant, role, before: before ?? null }
          request.auditEvent = { event: 'account.role-changed', target: `account:${id}`, detail }
        }
        return { status: 200, body: textOf(requireAccount(admin, request.caller, id)) }
      })
    },
  )

  routes.delete(
    '/:id/roles/:tenant',
    {
      schema: {
        tags,
        summary: 'Take the role in a tenant away; ends everything that the account has open',
        params: roleParams,
      },
    },
    (request, reply) => {
      const { id, tenant } = request.params
      return writes.answer(request, reply, keyOwnerOf(request.caller), () => {
        const account = matched(request, id)
        requireTenant(realmOf(request.caller), tenant)
        const before = accounts.roleIn(id, tenant)
        if (before === undefined) throw new Problem('not-found', { detail: 'This account has no role in that tenant' })
        requireOtherAdmin(tenant, account)
        accounts.leave(id, tenant)
        endAccess(id)
        const detail = { tenant, role: null, before }
        request.auditEvent = { event: 'account.role-changed', target: `account:${id}`, detail }
        return { status: 204 }
      })
    },
  )
}

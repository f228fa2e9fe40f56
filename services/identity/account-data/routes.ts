import type { FastifyReply, FastifyRequest } from 'fastify'
import { userOf } from '#shared/caller.ts'
import type { InternalClient } from '#shared/internal.ts'
import { Problem } from '#shared/problem.ts'
import { asOwner, type Owner } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { Account, AccountStore } from '../accounts/store.ts'
import { accountView } from '../accounts/view.ts'
import type { SamePerson } from '../mfa/same-person.ts'
import type { GrantsOf } from '../oauth/grants/view.ts'
import type { Revocations } from '../revocations/store.ts'
import type { SessionStore } from '../sessions/store.ts'
import type { Deletions } from './deletion.ts'
import { accountZip, partsOf } from './export.ts'
import { accountParams, deletionSchema } from './schema.ts'
import type { AccountDataStore } from './store.ts'

export interface AccountDataParts {
  accounts: AccountStore
  store: AccountDataStore
  sessions: SessionStore
  revocations: Revocations
  deletions: Deletions
  internal: InternalClient
  writes: Writes
  samePerson: SamePerson
  /** What the person has allowed to applications. */
  grantsOf: GrantsOf
}

/** An account as a whole: everything of it for its owner, and nothing of it any more. */
export const accountDataOfIdentityRoutes = (parts: AccountDataParts) => async (app: App) => {
  const { accounts, store, sessions, revocations, deletions, samePerson, internal, writes } = parts
  const tags = ['account']

  function accountOf(id: Owner): Account {
    const account = accounts.find(id)
    if (account === undefined || account.state === 'deleting') {
      throw new Problem('not-found', { detail: 'Account not found' })
    }
    return account
  }

  /** Ends all access at once, then has the services delete what they have. */
  async function forget(request: FastifyRequest, reply: FastifyReply, id: Owner) {
    await writes.run(() => {
      accountOf(id)
      const [tenant] = store.tenantsWithoutAdmin(id)
      if (tenant !== undefined) {
        throw new Problem('conflict', { detail: `The tenant ${tenant} would have no administrator any more` })
      }
      store.mark(id)
      sessions.revokeAll(id)
      revocations.revoke(`account:${id}`)
      store.dropCredentials(id)
      deletions.plan(id)
    })
    request.auditEvent = { event: 'account.deleted', target: `account:${id}` }
    const isGone = await deletions.begin(id)
    return isGone
      ? reply.code(204).send()
      : reply.code(202).send({ status: 'deleting', detail: 'Some data is deleted as soon as its service is back' })
  }

  app.delete(
    '/api/auth/me',
    {
      config: { etag: false },
      schema: { tags, summary: 'Delete the own account and all its data in all services', body: deletionSchema },
    },
    async (request, reply) => {
      const account = await samePerson(request, (request.body ?? {}).password)
      return forget(request, reply, account.id)
    },
  )

  app.delete(
    '/api/admin/accounts/:id',
    {
      config: { etag: false },
      schema: { tags: ['administration'], summary: 'Delete an account and all its data', params: accountParams },
    },
    (request, reply) => forget(request, reply, asOwner(request.params.id)),
  )

  app.get(
    '/api/auth/me/export',
    {
      config: { etag: false },
      schema: { tags, summary: 'A zip of everything that all services have of the own account' },
    },
    async (request, reply) => {
      const account = accountOf(userOf(request))
      const files = await partsOf(account.id, internal)
      request.auditEvent = {
        event: 'account.exported',
        target: `account:${account.id}`,
        detail: { files: files.length },
      }
      const known = {
        ...accountView(account, accounts.membershipsOf(account.id)),
        ...store.lists(account.id),
        grants: parts.grantsOf(account.id),
      }
      return reply
        .type('application/zip')
        .header('content-disposition', `attachment; filename="najimban-${account.id}.zip"`)
        .header('cache-control', 'no-store')
        .send(accountZip(known, files))
    },
  )
}

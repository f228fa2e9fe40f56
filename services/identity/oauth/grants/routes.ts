import Joi from 'joi'
import { userOf } from '#shared/caller.ts'
import { Problem } from '#shared/problem.ts'
import type { Owner } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import { timestamp } from '#shared/timestamp.ts'
import type { ClientStore } from '../clients/store.ts'
import type { OAuthRecord, RecordStore } from '../records.ts'

const grantSchema = Joi.object({
  id: Joi.string(),
  client: Joi.object({ id: Joi.string(), name: Joi.string(), first_party: Joi.boolean() }),
  scope: Joi.string(),
  created_at: Joi.string().isoDate(),
  expires_at: Joi.string().isoDate(),
}).label('Grant')

const MS_PER_S = 1000

/** /api/auth/grants: the applications that a person has allowed. */
export const grantRoutes =
  (records: RecordStore, clients: Pick<ClientStore, 'find'>, writes: Writes) =>
  async (routes: App): Promise<void> => {
    const tags = ['oauth grants']

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

    const grantsOf = (user: Owner) => records.ofAccount(user, 'Grant').map(viewOf)

    routes.get(
      '/',
      {
        schema: {
          tags,
          summary: 'Applications that the person has allowed something',
          response: { 200: Joi.object({ grants: Joi.array().items(grantSchema) }) },
        },
      },
      async (request) => ({ grants: await grantsOf(userOf(request)) }),
    )

    routes.delete<{ Params: { id: string } }>(
      '/:id',
      { schema: { tags, summary: 'Withdraws what was allowed; the tokens of the application end at once' } },
      (request, reply) => {
        const user = userOf(request)
        const { id } = request.params
        return writes.answer(request, reply, user, () => {
          const grant = records.find('Grant', id)
          if (grant?.payload.accountId !== user) throw new Problem('not-found', { detail: 'Grant not found' })
          records.endGrant(id)
          request.auditEvent = {
            event: 'grant.revoked',
            target: `client:${grant.payload.clientId}`,
            detail: { grant: id },
          }
          return { status: 204 }
        })
      },
    )
  }

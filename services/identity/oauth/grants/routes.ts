import Joi from 'joi'
import { userOf } from '#shared/caller.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { RecordStore } from '../records.ts'
import type { GrantsOf } from './view.ts'

const grantSchema = Joi.object({
  id: Joi.string(),
  client: Joi.object({ id: Joi.string(), name: Joi.string(), first_party: Joi.boolean() }),
  scope: Joi.string(),
  created_at: Joi.string().isoDate(),
  expires_at: Joi.string().isoDate(),
}).label('Grant')

/** /api/auth/grants: the applications that a person has allowed. */
export const grantRoutes =
  (records: RecordStore, grantsOf: GrantsOf, writes: Writes) =>
  async (routes: App): Promise<void> => {
    const tags = ['oauth grants']

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

import type { App } from '#shared/server.ts'
import type { MfaStore } from '../../mfa/store.ts'
import { keyOwnerOf } from '../../tenants/realm.ts'
import type { TellOwner } from '../security-notes.ts'
import { requireAccount, requireWhole, type AdminParts } from './routes.ts'
import { accountParams } from './schema.ts'

export interface HelpParts extends AdminParts {
  mfa: Pick<MfaStore, 'confirmedAt' | 'remove'>
  tellOwner: TellOwner
}

/** What an administrator does for people who lost their phone, or their computer: below /api/admin/accounts/:id. */
export const helpRoutes = (parts: HelpParts) => async (routes: App) => {
  const { admin, mfa, endAccess, tellOwner, writes } = parts
  const tags = ['administration']

  routes.delete(
    '/:id/second-factors',
    {
      schema: {
        tags,
        summary: 'Switch the codes of an account off, recovery codes too; ends everything that it has open',
        params: accountParams,
      },
    },
    (request, reply) => {
      const { id } = request.params
      return writes.answer(request, reply, keyOwnerOf(request.caller), () => {
        requireAccount(admin, request.caller, id)
        requireWhole(admin, request.caller, id)
        if (mfa.confirmedAt(id) !== undefined) tellOwner(id, 'second-factor-removed')
        mfa.remove(id)
        endAccess(id)
        request.auditEvent = { event: 'totp.disabled', target: `account:${id}` }
        return { status: 204 }
      })
    },
  )

  routes.delete(
    '/:id/sessions',
    { schema: { tags, summary: 'Sign an account out everywhere, applications too', params: accountParams } },
    (request, reply) => {
      const { id } = request.params
      return writes.answer(request, reply, keyOwnerOf(request.caller), () => {
        requireAccount(admin, request.caller, id)
        endAccess(id)
        request.auditEvent = { event: 'session.revoked', target: `account:${id}` }
        return { status: 204 }
      })
    },
  )
}

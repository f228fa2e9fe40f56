import { asTenant } from '#shared/scope.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import { timestamp } from '#shared/timestamp.ts'
import { keyOwnerOf, realmOf, requireGivable, requireTenant, tenantNotFound } from '../../tenants/realm.ts'
import { acceptedSchema } from '../ask-for-mail.ts'
import { linkTo, PURPOSE, RESET_PATH } from '../mail-links.ts'
import type { OneTimeTokens } from '../one-time-tokens.ts'
import { linkSchema } from '../schema.ts'
import type { Account } from '../store.ts'
import { accountView } from '../view.ts'
import { accountNotFound, requireAccount, requireWhole, type AdminParts } from './routes.ts'
import { accountParams, invitedSchema, inviteSchema } from './schema.ts'

export interface InvitationParts extends AdminParts {
  tokens: OneTimeTokens
}

const MS_PER_S = 1000
const MINUTE_S = 60
const HOUR_S = 3600
const SECRETS = { sensitive: true } as const
const NO_STORE = ['cache-control', 'no-store'] as const

/** Accounts that administrators make, and links by which people choose their passwords. */
export const invitationRoutes = (parts: InvitationParts) => async (routes: App) => {
  const { accounts, admin, tenants, tokens, mailer, writes, config } = parts
  const tags = ['administration']

  /** A link to hand over where no mails are sent. It proves nothing about the e-mail address. */
  function linkFor({ id }: Account, ttl_s: number) {
    const token = tokens.issue({ purpose: PURPOSE.setPassword, account: id, ttl_s })
    return {
      set_password_url: linkTo(config, RESET_PATH, token),
      expires_at: timestamp(Date.now() + ttl_s * MS_PER_S),
    }
  }

  routes.post(
    '/',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'A new account; the person chooses a password by a link in a mail, or in this answer without mail',
        body: inviteSchema,
        response: { 201: invitedSchema },
      },
    },
    (request, reply) => {
      const { caller } = request
      const { email, name, role } = request.body
      const { tenant = asTenant(caller.tenant) } = request.body
      const { locale = config.DEFAULT_LOCALE, time_zone = config.DEFAULT_TIME_ZONE } = request.body
      return writes.answer(
        request,
        reply.header(...NO_STORE),
        keyOwnerOf(caller),
        () => {
          requireTenant(realmOf(caller), tenant)
          if (tenants.find(tenant) === undefined) throw tenantNotFound()
          requireGivable(caller, role)
          if (accounts.byEmail(email) !== undefined) {
            throw new Problem('conflict', { detail: 'There is already an account with this e-mail address' })
          }
          const account = accounts.insert({ email, name, locale, time_zone, password_hash: null })
          accounts.join(account.id, tenant, role)
          mailer.post({ template: 'invitation', account: account.id, to: email, locale })
          request.auditEvent = { event: 'account.created', target: `account:${account.id}`, detail: { tenant, role } }
          const link = mailer.enabled ? {} : linkFor(account, config.INVITATION_TTL_HOURS * HOUR_S)
          return { status: 201, body: { ...accountView(account, accounts.membershipsOf(account.id)), ...link } }
        },
        SECRETS,
      )
    },
  )

  routes.post(
    '/:id/password-reset',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'A link by which the person chooses a new password: in a mail, or in this answer without mail',
        params: accountParams,
        response: { 201: linkSchema, 202: acceptedSchema },
      },
    },
    (request, reply) => {
      const { caller } = request
      const { id } = request.params
      return writes.answer(
        request,
        reply.header(...NO_STORE),
        keyOwnerOf(caller),
        () => {
          const account = requireAccount(admin, caller, id)
          requireWhole(admin, caller, id)
          if (account.state !== 'approved' && account.state !== 'pending') throw accountNotFound()
          request.auditEvent = { event: 'password.reset-requested', target: `account:${id}` }
          const { email: to, locale } = account
          if (!mailer.enabled) {
            return { status: 201, body: linkFor(account, config.PASSWORD_RESET_TTL_MINUTES * MINUTE_S) }
          }
          if (account.password_hash !== null) mailer.post({ template: 'set-password', to, locale })
          else mailer.post({ template: 'invitation', account: id, to, locale })
          return { status: 202, body: { status: 'accepted', detail: 'The link is in the mail that was sent' } }
        },
        SECRETS,
      )
    },
  )
}

import type { FastifyRequest } from 'fastify'
import { userOf } from '#shared/caller.ts'
import { etagOf, requireMatch } from '#shared/etag.ts'
import { invalidField, Problem } from '#shared/problem.ts'
import type { Owner } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { SamePerson } from '../../mfa/same-person.ts'
import type { SecondFactor } from '../../mfa/second-factor.ts'
import { ACCEPTED, acceptedSchema, type AskParts } from '../ask-for-mail.ts'
import { passwordMark, PURPOSE } from '../mail-links.ts'
import type { OneTimeTokens } from '../one-time-tokens.ts'
import { meSchema } from '../schema.ts'
import type { Account, AccountStore } from '../store.ts'
import { accountView } from '../view.ts'
import { emailSchema, updateSchema } from './schema.ts'

export interface MeParts extends AskParts {
  accounts: AccountStore
  tokens: OneTimeTokens
  secondFactor: Pick<SecondFactor, 'methodsOf'>
  samePerson: SamePerson
}

const JSON_TYPE = 'application/json; charset=utf-8'

/** /api/auth/me: the own account. */
export const meRoutes = (parts: MeParts) => async (routes: App) => {
  const { accounts, tokens, secondFactor, samePerson, mailer, limits, writes } = parts
  const tags = ['account']

  function find(id: Owner): Account {
    const account = accounts.find(id)
    if (account === undefined) throw new Problem('not-found', { detail: 'Account not found' })
    return account
  }

  const textOf = (account: Account): string =>
    JSON.stringify({
      ...accountView(account, accounts.membershipsOf(account.id)),
      second_factors: secondFactor.methodsOf(account.id),
    })

  const changed = (request: FastifyRequest, account: Account, fields: string[]) => {
    const target = `account:${account.id}`
    request.auditEvent = { event: 'account.changed', target, detail: { fields: fields.join(' ') } }
    return { status: 200, body: textOf(account) }
  }

  routes.get(
    '/api/auth/me',
    { schema: { tags, summary: 'The own account', response: { 200: meSchema } } },
    (request, reply) => reply.type(JSON_TYPE).send(textOf(find(userOf(request)))),
  )

  routes.patch(
    '/api/auth/me',
    { schema: { tags, summary: 'Changes the fields that are sent', body: updateSchema, response: { 200: meSchema } } },
    (request, reply) => {
      const id = userOf(request)
      return writes.answer(request, reply, id, () => {
        const account = find(id)
        requireMatch(request.headers['if-match'], etagOf(textOf(account)))
        return changed(request, accounts.update(id, request.body), Object.keys(request.body))
      })
    },
  )

  /** Mails go to both addresses; the account changes when the link in the one to the new address is used. */
  function askNewAddress(account: Account, email: string, ip: string) {
    const { id, locale } = account
    if (!limits.takeMail(email, ip)) return ACCEPTED
    const holder = accounts.byEmail(email)
    const mark = passwordMark(account)
    if (holder === undefined) mailer.post({ template: 'confirm-address', account: id, mark, to: email, locale })
    else mailer.post({ template: 'address-known', to: email, locale: holder.locale })
    mailer.post({ template: 'address-changing', to: account.email, locale })
    return ACCEPTED
  }

  routes.put(
    '/api/auth/me/email',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'Change the e-mail address; where mails are sent, by a link in the one to the new address',
        body: emailSchema,
        response: { 200: meSchema, 202: acceptedSchema },
      },
    },
    async (request, reply) => {
      const { email, password } = request.body
      const { id } = await samePerson(request, password)
      return writes.answer(request, reply, id, () => {
        const account = find(id)
        if (account.email === email) throw invalidField('body', 'email', 'email is the one that the account has')
        if (mailer.enabled) {
          request.auditEvent = { event: 'email.change-requested', target: `account:${id}` }
          return askNewAddress(account, email, request.caller.ip)
        }
        if (accounts.byEmail(email) !== undefined) {
          throw new Problem('conflict', { detail: 'There is already an account with this e-mail address' })
        }
        tokens.revoke(id, PURPOSE.setPassword)
        return changed(request, accounts.update(id, { email, email_verified_at: null }), ['email'])
      })
    },
  )
}

import type { FastifyRequest } from 'fastify'
import Joi from 'joi'
import { Problem } from '#shared/problem.ts'
import { problemOf, type App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { IdentityConfig } from '../../config.ts'
import type { PasswordPolicy } from '../../login/policy.ts'
import { takeForms } from '../../pages/form.ts'
import { languageOf, type Language } from '#shared/language.ts'
import { PAGE_ROUTE, sendPage } from '../../pages/page.ts'
import { RESET_PATH, VERIFY_PATH } from '../mail-links.ts'
import type { PasswordReset } from '../password/reset.ts'
import type { Verification } from '../verification.ts'
import { failurePage, resetDonePage, resetPage, verifiedPage, verifyPage, type ResetFault } from './views.ts'

export interface AccountPageParts {
  verification: Verification
  reset: PasswordReset
  policy: PasswordPolicy
  writes: Writes
  config: Pick<IdentityConfig, 'PASSWORD_MIN_LENGTH'>
}

const INPUT_MAX = 4096
/** The link is not good any more (RFC 9110 15.5.11). */
const GONE = 410

const input = () => Joi.string().max(INPUT_MAX).allow('').default('')
const querySchema = Joi.object({ token: input(), lang: Joi.string() })
const verifySchema = Joi.object({ token: input() }).required()
const resetSchema = Joi.object({ token: input(), password: input(), repeat: input() }).required()

interface Tokened {
  Querystring: { token: string }
}

const languageFor = (request: FastifyRequest): Language => languageOf(request.headers, request.query)

const isBadLink = (error: unknown) => error instanceof Problem && error.problem === 'invalid-input'

/**
 * The pages that links in mails lead to. They work without script. A GET never uses a link up: scanners of mails open links
 * before people do.
 */
export const accountPages =
  ({ verification, reset, policy, writes, config }: AccountPageParts) =>
  async (routes: App) => {
    const schema = { hide: true } as const
    takeForms(routes)
    routes.setErrorHandler((error, request, reply) => {
      const problem = problemOf(error)
      if (problem.statusCode === 500) request.log.error({ requestId: request.id, err: error }, 'request failed')
      const page = failurePage(languageFor(request), problem.statusCode === 503 ? 'busy' : 'other')
      return sendPage(request, reply.headers(problem.options.headers ?? {}), page, problem.statusCode)
    })

    routes.get<Tokened>(
      VERIFY_PATH,
      { config: PAGE_ROUTE, schema: { ...schema, querystring: querySchema } },
      (request, reply) => {
        const { token } = request.query
        const language = languageFor(request)
        const email = verification.addressOf(token)
        if (email === undefined) return sendPage(request, reply, failurePage(language, 'verify'), GONE)
        return sendPage(request, reply, verifyPage(language, token, email))
      },
    )

    routes.post<{ Body: { token: string } }>(
      VERIFY_PATH,
      { config: PAGE_ROUTE, schema: { ...schema, body: verifySchema } },
      async (request, reply) => {
        const language = languageFor(request)
        try {
          const account = await writes.run(() => verification.confirm(request.body.token))
          const id = `account:${account.id}`
          request.auditEvent = { event: 'email.verified', actor: id, target: id }
          return sendPage(request, reply, verifiedPage(language, account))
        } catch (error) {
          if (isBadLink(error)) return sendPage(request, reply, failurePage(language, 'verify'), GONE)
          const { statusCode } = problemOf(error)
          if (statusCode !== 409) throw error
          return sendPage(request, reply, failurePage(language, 'conflict'), statusCode)
        }
      },
    )

    routes.get<Tokened>(
      RESET_PATH,
      { config: PAGE_ROUTE, schema: { ...schema, querystring: querySchema } },
      (request, reply) => {
        const { token } = request.query
        const language = languageFor(request)
        const account = reset.accountOf(token)
        if (account === undefined) return sendPage(request, reply, failurePage(language, 'reset'), GONE)
        return sendPage(
          request,
          reply,
          resetPage(language, { token, email: account.email, min: config.PASSWORD_MIN_LENGTH }),
        )
      },
    )

    routes.post<{ Body: { token: string; password: string; repeat: string } }>(
      RESET_PATH,
      { config: PAGE_ROUTE, schema: { ...schema, body: resetSchema } },
      async (request, reply) => {
        const { token, password, repeat } = request.body
        const language = languageFor(request)
        const account = reset.accountOf(token)
        if (account === undefined) return sendPage(request, reply, failurePage(language, 'reset'), GONE)
        const { email } = account
        const fault: ResetFault | undefined =
          policy.faultOf(password, email) ?? (password === repeat ? undefined : 'different')
        if (fault !== undefined) {
          const view = { token, email, min: config.PASSWORD_MIN_LENGTH, fault }
          return sendPage(request, reply, resetPage(language, view), 400)
        }
        const { id } = await writes.run(await reset.prepare(token, password))
        request.auditEvent = { event: 'password.reset', actor: `account:${id}`, target: `account:${id}` }
        return sendPage(request, reply, resetDonePage(language))
      },
    )
  }

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { InteractionResults, Provider } from 'oidc-provider'
import type { App } from '#shared/server.ts'
import { asOwner, type Owner } from '#shared/scope.ts'
import type { Account, AccountStore } from '../../accounts/store.ts'
import type { IdentityConfig } from '../../config.ts'
import type { PasswordCheck } from '../../login/check.ts'
import type { SecondStep } from '../../login/second-step.ts'
import { takeForms } from '../../pages/form.ts'
import { PAGE_ROUTE, sendPage } from '../../pages/page.ts'
import type { ClientStore, Client } from '../clients/store.ts'
import { languageFor } from '../language.ts'
import { tenantFor } from '../opaque.ts'
import { consentPage } from '../pages/consent.ts'
import { failurePage, goOnPage } from '../pages/outcome.ts'
import { secondFactorPage, signInPage } from '../pages/sign-in.ts'
import type { Providers } from '../provider.ts'
import { TEXTS } from '../texts.ts'
import { faultOf, type PageFault } from './fault.ts'
import { querySchema, stepSchema, type PageQuery, type StepForm } from './schema.ts'

type Found = Awaited<ReturnType<Provider['interactionDetails']>>

interface PageRequest {
  Params: { uid: string }
  Querystring: PageQuery
}

/** Between the password and the code; it is in the interaction, which only this browser has. */
interface HalfSignedIn {
  account: Owner
  remember: boolean
  /** Milliseconds since 1970. */
  until: number
}

export interface InteractionRouteOptions {
  providers: Providers
  accounts: AccountStore
  clients: ClientStore
  passwordCheck: Pick<PasswordCheck, 'check'>
  secondStep: Pick<SecondStep, 'isNeeded' | 'isRight'>
  config: Pick<IdentityConfig, 'SECOND_STEP_TTL_S'>
}

const MS_PER_S = 1000
const ACCESS_DENIED = { error: 'access_denied', error_description: 'End-User aborted interaction' }

/**
 * The pages on which a person signs in and allows an application. Forms of other sites do nothing here: the cookie of the
 * interaction is not sent with them (SameSite=Lax), and it fits one address only.
 */
export const interactionRoutes =
  ({ providers, accounts, clients, passwordCheck, secondStep, config }: InteractionRouteOptions) =>
  async (routes: App): Promise<void> => {
    takeForms(routes)

    interface Step {
      request: FastifyRequest<PageRequest & { Body: StepForm }>
      reply: FastifyReply
      provider: Provider
      interaction: Found
      client: Client
    }
    type Shown = Omit<Step, 'request'> & { request: FastifyRequest<PageRequest> }

    const languageOf = (request: FastifyRequest<PageRequest>, interaction?: Found) =>
      languageFor(request.headers, request.query, interaction?.params.ui_locales)

    /** This address, with the language that was chosen. */
    function addressOf(request: FastifyRequest<PageRequest>, more: Record<string, string> = {}): string {
      const { lang } = request.query
      const query = new URLSearchParams({ ...(lang === undefined ? {} : { lang }), ...more }).toString()
      return `/oauth/interaction/${encodeURIComponent(request.params.uid)}${query === '' ? '' : `?${query}`}`
    }

    /** The interaction of this browser and this address; none is left when it is too old, finished or another browser's. */
    async function found(request: FastifyRequest<PageRequest>, reply: FastifyReply) {
      const provider = await providers.current()
      try {
        const interaction = await provider.interactionDetails(request.raw, reply.raw)
        const client = clients.find(String(interaction.params.client_id))
        if (interaction.uid !== request.params.uid || client === undefined) return undefined
        return { provider, interaction, client }
      } catch (error) {
        if ((error as Error).name === 'SessionNotFound') return undefined
        throw error
      }
    }

    function sendExpired(request: FastifyRequest<PageRequest>, reply: FastifyReply) {
      const language = languageOf(request)
      const page = failurePage({ language, kind: 'expired', error: 'invalid_request', requestId: request.id })
      return sendPage(request, reply, page, 400)
    }

    function sendSignIn({ request, reply, interaction, client }: Shown, fault?: PageFault, email?: string) {
      const page = signInPage({
        language: languageOf(request, interaction),
        action: addressOf(request),
        client: client.name,
        email: email ?? hintOf(interaction),
        fault: fault?.text,
      })
      return sendPage(request, reply.headers(fault?.headers ?? {}), page, fault?.status)
    }

    function sendSecondFactor({ request, reply, interaction }: Shown, fault?: PageFault) {
      const page = secondFactorPage({
        language: languageOf(request, interaction),
        action: addressOf(request),
        restart: addressOf(request, { login: 'again' }),
        fault: fault?.text,
      })
      return sendPage(request, reply.headers(fault?.headers ?? {}), page, fault?.status)
    }

    function sendConsent({ request, reply, interaction, client }: Shown) {
      const { scope, redirect_uri: redirect } = interaction.params as { scope?: string; redirect_uri?: string }
      const allowed = client.scope.split(' ')
      const page = consentPage({
        language: languageOf(request, interaction),
        action: addressOf(request),
        client: client.name,
        email: accounts.find(asOwner(interaction.session?.accountId as string))?.email ?? '',
        scopes: (scope ?? '').split(' ').filter((name) => allowed.includes(name)),
        host: redirect === undefined ? undefined : new URL(redirect).host,
        otherAccount: addressOf(request, { login: 'other' }),
      })
      return sendPage(request, reply, page)
    }

    /** Keeps the outcome and leads the browser back to the provider. */
    async function finish({ request, reply, provider, interaction }: Step, result: InteractionResults) {
      const { lang } = request.query
      if (lang !== undefined) {
        // The pages that follow belong to other interactions, made from this one.
        interaction.params = { ...interaction.params, ui_locales: lang }
        await interaction.persist()
      }
      // What was said before stays, except by somebody who signs in now.
      const options = { mergeWithLastSubmission: result.login === undefined }
      const returnTo = await provider.interactionResult(request.raw, reply.raw, result, options)
      const { pathname, search } = new URL(returnTo)
      // Not a redirect: Chromium would count the application behind it as a target of this form (CSP form-action).
      void reply.header('refresh', `0; url=${pathname}${search}`)
      return sendPage(request, reply, goOnPage(languageOf(request, interaction), `${pathname}${search}`))
    }

    function signedIn(step: Step, account: Account, amr: string[], remember: boolean) {
      step.request.auditEvent = {
        event: 'login.succeeded',
        actor: `account:${account.id}`,
        target: `client:${step.client.id}`,
        detail: { method: amr.join(' ') },
      }
      return finish(step, { login: { accountId: account.id, amr, remember } })
    }

    async function login(step: Step) {
      const { request, reply, provider, interaction, client } = step
      const { email, password } = request.body
      const remember = request.body.remember === 'yes'
      const language = languageOf(request, interaction)
      let account: Account
      try {
        account = await passwordCheck.check({ email, password, ip: request.caller.ip, request })
      } catch (error) {
        return sendSignIn(step, faultOf(error, language), email)
      }
      if (tenantFor(accounts, account.id, client) === undefined) {
        request.auditEvent = { event: 'login.failed', target: `account:${account.id}`, detail: { reason: 'no tenant' } }
        return sendSignIn(step, { status: 403, text: TEXTS[language].noTenant, headers: {} }, email)
      }
      if (!secondStep.isNeeded(account)) return signedIn(step, account, ['pwd'], remember)
      request.auditEvent = { event: 'second-factor.required', target: `account:${account.id}` }
      const half: HalfSignedIn = {
        account: account.id,
        remember,
        until: Date.now() + config.SECOND_STEP_TTL_S * MS_PER_S,
      }
      await provider.interactionResult(
        request.raw,
        reply.raw,
        { second_factor: half },
        { mergeWithLastSubmission: false },
      )
      return sendSecondFactor(step)
    }

    async function code(step: Step) {
      const { request, interaction } = step
      const half = halfOf(interaction)
      const account = half === undefined ? undefined : accounts.find(half.account)
      if (half === undefined || account?.state !== 'approved') return sendSignIn(step)
      const language = languageOf(request, interaction)
      try {
        if (await secondStep.isRight(request, account, request.body.code.trim())) {
          return await signedIn(step, account, ['pwd', 'otp', 'mfa'], half.remember)
        }
      } catch (error) {
        return sendSecondFactor(step, faultOf(error, language))
      }
      return sendSecondFactor(step, { status: 401, text: TEXTS[language].wrongCode, headers: {} })
    }

    async function consent(step: Step) {
      const { request, provider, interaction, client } = step
      const { prompt, grantId, session } = interaction
      const accountId = session?.accountId
      if (prompt.name !== 'consent' || accountId === undefined) return sendSignIn(step)
      const about = { actor: `account:${accountId}`, target: `client:${client.id}` }
      if (request.body.decision !== 'allow') {
        request.auditEvent = { event: 'oauth.denied', ...about }
        return finish(step, ACCESS_DENIED)
      }
      const known = grantId === undefined ? undefined : await provider.Grant.find(grantId)
      const grant = known ?? new provider.Grant({ accountId, clientId: client.id })
      const { missingOIDCScope: missing } = prompt.details as { missingOIDCScope?: string[] }
      if (missing !== undefined) grant.addOIDCScope(missing)
      request.auditEvent = { event: 'oauth.authorized', ...about, detail: { scope: (missing ?? []).join(' ') } }
      return finish(step, { consent: { grantId: await grant.save() } })
    }

    async function cancel(step: Step) {
      step.request.auditEvent = { event: 'oauth.denied', target: `client:${step.client.id}` }
      return finish(step, ACCESS_DENIED)
    }

    const steps = { login, code, consent, cancel }
    const schema = { tags: ['oauth'], querystring: querySchema }

    routes.get<PageRequest>(
      '/:uid',
      { config: PAGE_ROUTE, schema: { ...schema, summary: 'Sign-in, second step or consent' } },
      async (request, reply) => {
        const known = await found(request, reply)
        if (known === undefined) return sendExpired(request, reply)
        const shown = { request, reply, ...known }
        if (request.query.login !== undefined) return sendSignIn(shown)
        if (halfOf(known.interaction) !== undefined) return sendSecondFactor(shown)
        return known.interaction.prompt.name === 'consent' ? sendConsent(shown) : sendSignIn(shown)
      },
    )

    routes.post<PageRequest & { Body: StepForm }>(
      '/:uid',
      { config: PAGE_ROUTE, schema: { ...schema, summary: 'Takes the form of such a page', body: stepSchema } },
      async (request, reply) => {
        const known = await found(request, reply)
        if (known === undefined) return sendExpired(request, reply)
        return steps[request.body.step]({ request, reply, ...known })
      },
    )
  }

/** Whose password was right a moment ago. */
function halfOf(interaction: Found): HalfSignedIn | undefined {
  const half = interaction.result?.second_factor as HalfSignedIn | undefined
  return half !== undefined && half.until > Date.now() ? half : undefined
}

/** Whom the application expects (OpenID Connect Core 3.1.2.1); what is no address is not shown. */
function hintOf({ params }: Found): string | undefined {
  const { login_hint: hint } = params as { login_hint?: string }
  return hint?.includes('@') === true && hint.length <= 254 ? hint : undefined
}

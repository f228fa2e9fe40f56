import type { InteractionResults } from 'oidc-provider'
import type { Account, AccountStore } from '../../accounts/store.ts'
import type { IdentityConfig } from '../../config.ts'
import type { PasswordCheck } from '../../login/check.ts'
import type { SecondStep } from '../../login/second-step.ts'
import { tenantFor } from '../opaque.ts'
import { TEXTS } from '../texts.ts'
import { faultOf } from './fault.ts'
import { halfOf, type HalfSignedIn, type Step } from './interaction.ts'
import { languageOf, sendOn, sendSecondFactor, sendSignIn } from './show.ts'

export interface StepOptions {
  accounts: AccountStore
  passwordCheck: Pick<PasswordCheck, 'check'>
  secondStep: Pick<SecondStep, 'isNeeded' | 'isRight'>
  config: Pick<IdentityConfig, 'SECOND_STEP_TTL_S'>
}

const MS_PER_S = 1000
const ACCESS_DENIED = { error: 'access_denied', error_description: 'End-User aborted interaction' }

/** How a person proved themselves (RFC 8176). */
const PASSWORD = ['pwd']
const TWO_FACTORS = ['pwd', 'otp', 'mfa']

/** What a form of an interaction does, by its `step`. */
export function createSteps({ accounts, passwordCheck, secondStep, config }: StepOptions) {
  /** Keeps the outcome for the provider, and goes back to it. */
  async function finish(step: Step, result: InteractionResults) {
    const { request, reply, provider, interaction } = step
    const { lang } = request.query
    if (lang !== undefined) {
      // The pages that follow belong to other interactions, made from this one.
      interaction.params = { ...interaction.params, ui_locales: lang }
      await interaction.persist()
    }
    // What was said before stays, except by somebody who signs in now.
    const options = { mergeWithLastSubmission: result.login === undefined }
    const { pathname, search } = new URL(await provider.interactionResult(request.raw, reply.raw, result, options))
    return sendOn(step, `${pathname}${search}`)
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

  async function askForCode(step: Step, account: Account, remember: boolean) {
    const { request, reply, provider } = step
    request.auditEvent = { event: 'second-factor.required', target: `account:${account.id}` }
    const until = Date.now() + config.SECOND_STEP_TTL_S * MS_PER_S
    const half: HalfSignedIn = { account: account.id, remember, until }
    const options = { mergeWithLastSubmission: false }
    await provider.interactionResult(request.raw, reply.raw, { second_factor: half }, options)
    return sendSecondFactor(step)
  }

  async function login(step: Step) {
    const { request, client } = step
    const { email, password } = request.body
    const remember = request.body.remember === 'yes'
    const language = languageOf(step)
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
    if (secondStep.isNeeded(account)) return askForCode(step, account, remember)
    return signedIn(step, account, PASSWORD, remember)
  }

  async function code(step: Step) {
    const { request, interaction } = step
    const half = halfOf(interaction)
    const account = half === undefined ? undefined : accounts.find(half.account)
    if (half === undefined || account?.state !== 'approved') return sendSignIn(step)
    const language = languageOf(step)
    let isRight: boolean
    try {
      isRight = await secondStep.isRight(request, account, request.body.code.trim())
    } catch (error) {
      return sendSecondFactor(step, faultOf(error, language))
    }
    if (isRight) return signedIn(step, account, TWO_FACTORS, half.remember)
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
    const { missingOIDCScope: missing = [] } = prompt.details as { missingOIDCScope?: string[] }
    if (missing.length > 0) grant.addOIDCScope(missing)
    request.auditEvent = { event: 'oauth.authorized', ...about, detail: { scope: missing.join(' ') } }
    return finish(step, { consent: { grantId: await grant.save() } })
  }

  async function cancel(step: Step) {
    step.request.auditEvent = { event: 'oauth.denied', target: `client:${step.client.id}` }
    return finish(step, ACCESS_DENIED)
  }

  return { login, code, consent, cancel }
}

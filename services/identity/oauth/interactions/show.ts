import { asOwner } from '#shared/scope.ts'
import type { AccountStore } from '../../accounts/store.ts'
import { sendPage } from '../../pages/page.ts'
import { languageFor } from '../language.ts'
import { consentPage } from '../pages/consent.ts'
import { failurePage, goOnPage } from '../pages/outcome.ts'
import { secondFactorPage, signInPage } from '../pages/sign-in.ts'
import type { PageFault } from './fault.ts'
import type { Interaction, Visit } from './interaction.ts'

type Asked = Pick<Visit, 'request' | 'reply'>

const HINT_MAX_LENGTH = 254

export const languageOf = ({ request, interaction }: Pick<Visit, 'request'> & { interaction?: Interaction }) =>
  languageFor(request.headers, request.query, interaction?.params.ui_locales)

/** This address, with the language that was chosen. */
function addressOf({ request }: Pick<Visit, 'request'>, more: Record<string, string> = {}): string {
  const { lang } = request.query
  const query = new URLSearchParams({ ...(lang === undefined ? {} : { lang }), ...more }).toString()
  return `/oauth/interaction/${encodeURIComponent(request.params.uid)}${query === '' ? '' : `?${query}`}`
}

/** Whom the application expects (OpenID Connect Core 3.1.2.1); what is no address is not shown. */
function hintOf({ params }: Interaction): string | undefined {
  const { login_hint: hint } = params as { login_hint?: string }
  return hint?.includes('@') === true && hint.length <= HINT_MAX_LENGTH ? hint : undefined
}

export function sendExpired(asked: Asked) {
  const { request, reply } = asked
  const language = languageOf(asked)
  const page = failurePage({ language, kind: 'expired', error: 'invalid_request', requestId: request.id })
  return sendPage(request, reply, page, 400)
}

export function sendSignIn(visit: Visit, fault?: PageFault, email?: string) {
  const { request, reply, interaction, client } = visit
  const page = signInPage({
    language: languageOf(visit),
    action: addressOf(visit),
    client: client.name,
    email: email ?? hintOf(interaction),
    fault: fault?.text,
  })
  return sendPage(request, reply.headers(fault?.headers ?? {}), page, fault?.status)
}

export function sendSecondFactor(visit: Visit, fault?: PageFault) {
  const page = secondFactorPage({
    language: languageOf(visit),
    action: addressOf(visit),
    restart: addressOf(visit, { login: 'again' }),
    fault: fault?.text,
  })
  return sendPage(visit.request, visit.reply.headers(fault?.headers ?? {}), page, fault?.status)
}

export function sendConsent(visit: Visit, accounts: Pick<AccountStore, 'find'>) {
  const { request, reply, interaction, client } = visit
  const { scope, redirect_uri: redirect } = interaction.params as { scope?: string; redirect_uri?: string }
  const allowed = client.scope.split(' ')
  const page = consentPage({
    language: languageOf(visit),
    action: addressOf(visit),
    client: client.name,
    email: accounts.find(asOwner(interaction.session?.accountId as string))?.email ?? '',
    scopes: (scope ?? '').split(' ').filter((name) => allowed.includes(name)),
    host: redirect === undefined ? undefined : new URL(redirect).host,
    otherAccount: addressOf(visit, { login: 'other' }),
  })
  return sendPage(request, reply, page)
}

/**
 * Leads the browser back to the provider. Not by a redirect: Chromium would count the application behind it, and whatever that
 * leads to, as targets of the form (CSP form-action).
 * @param target path and query
 */
export function sendOn(visit: Visit, target: string) {
  void visit.reply.header('refresh', `0; url=${target}`)
  return sendPage(visit.request, visit.reply, goOnPage(languageOf(visit), target))
}

import { button, form } from '../../pages/form.ts'
import { html } from '#shared/html.ts'
import type { Language } from '#shared/language.ts'
import { OAUTH_SCOPES, SCOPE_WORDS, type OAuthScope } from '../scopes.ts'
import { TEXTS } from '../texts.ts'
import type { PageContent } from './sign-in.ts'

interface Consent {
  language: Language
  action: string
  client: string
  email: string
  scopes: readonly string[]
  /** Where the answer goes; undefined for a device. */
  host: string | undefined
  /** Where somebody else can sign in. */
  otherAccount: string
}

const isKnown = (scope: string): scope is OAuthScope => (OAUTH_SCOPES as readonly string[]).includes(scope)

/** What an application asks for, in words. */
export function consentPage(consent: Consent): PageContent {
  const { language, action, client, email, scopes, host, otherAccount } = consent
  const words = TEXTS[language]
  return {
    language,
    title: words.consent(client),
    body: html`<p class="soft">
        ${words.consentAs}: <strong>${email}</strong><br /><a href="${otherAccount}">${words.otherAccount}</a>
      </p>
      <p>${words.consentList}</p>
      <ul>
        ${scopes.filter(isKnown).map((scope) => html`<li>${SCOPE_WORDS[scope][language]}</li>`)}
      </ul>
      <p class="soft">${host !== undefined && html`${words.consentRedirect(host)} `}${words.consentWithdraw}</p>
      ${form(
        action,
        { step: 'consent' },
        html`${button(words.allow, { name: 'decision', value: 'allow' })}
        ${button(words.deny, { name: 'decision', value: 'deny', quiet: true })}`,
      )}`,
  }
}

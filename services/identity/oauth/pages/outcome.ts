import { button, form, notice } from '../../pages/form.ts'
import { html } from '#shared/html.ts'
import type { Language } from '#shared/language.ts'
import { TEXTS } from '../texts.ts'
import type { PageContent } from './sign-in.ts'

/** The way on from a form: a link, which the `Refresh` field of the answer follows by itself. */
export function goOnPage(language: Language, target: string): PageContent {
  const words = TEXTS[language]
  return {
    language,
    title: words.goingOn,
    body: html`<p>${words.goingOnText}</p>
      <p><a class="button" href="${target}">${words.continue}</a></p>`,
  }
}

interface SignOut {
  language: Language
  action: string
  xsrf: string
  /** Whether the person may stay signed in. */
  isChoice: boolean
}

/** Asks before the sign-in ends (OpenID Connect RP-Initiated Logout 2). */
export function signOutPage({ language, action, xsrf, isChoice }: SignOut): PageContent {
  const words = TEXTS[language]
  return {
    language,
    title: words.signOut,
    body: html`<p>${isChoice ? words.signOutText : words.signOutContinue}</p>
      ${form(
        action,
        { xsrf },
        html`${button(isChoice ? words.signOutYes : words.continue, { name: 'logout', value: 'yes' })}
        ${isChoice && button(words.signOutNo, { quiet: true })}`,
      )}`,
  }
}

export function signedOutPage(language: Language): PageContent {
  const words = TEXTS[language]
  return { language, title: words.signedOut, body: notice('good', words.signedOutText) }
}

interface Failure {
  language: Language
  kind: 'expired' | 'badRequest' | 'internal'
  error: string
  description?: string | undefined
  requestId?: string | undefined
}

/** What went wrong, for the person and for those who made the application; never a cause from inside. */
export function failurePage({ language, kind, error, description, requestId }: Failure): PageContent {
  const words = TEXTS[language]
  const rows = [
    [words.error, error],
    [words.description, kind === 'badRequest' ? description : undefined],
    [words.requestId, requestId],
  ] as const
  return {
    language,
    title: words.failed,
    body: html`${notice('bad', words[kind])}
      <dl>
        ${rows.map(
          ([name, value]) =>
            value !== undefined &&
            html`<dt>${name}</dt>
              <dd><code>${value}</code></dd>`,
        )}
      </dl>`,
  }
}

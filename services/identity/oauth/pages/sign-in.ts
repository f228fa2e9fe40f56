import { button, field, form, notice } from '../../pages/form.ts'
import { html } from '#shared/html.ts'
import type { Language } from '#shared/language.ts'
import type { Page } from '../../pages/page.ts'
import { TEXTS } from '../texts.ts'

export type PageContent = Omit<Page, 'url'>

interface SignIn {
  language: Language
  action: string
  client: string
  email?: string | undefined
  fault?: string | undefined
}

/** E-mail and password. */
export function signInPage({ language, action, client, email = '', fault }: SignIn): PageContent {
  const words = TEXTS[language]
  return {
    language,
    title: words.signIn,
    ...(fault === undefined ? {} : { fault }),
    body: html`${fault !== undefined && notice('bad', fault)}
      <p>${words.signInFor(client)}</p>
      ${form(
        action,
        { step: 'login' },
        html`${field({
            name: 'email',
            label: words.email,
            type: 'email',
            value: email,
            autocomplete: 'username',
            maxlength: 254,
            autofocus: email === '',
          })}
          ${field({
            name: 'password',
            label: words.password,
            type: 'password',
            autocomplete: 'current-password',
            autofocus: email !== '',
          })}
          <div class="field choice">
            <input id="remember" name="remember" type="checkbox" value="yes" />
            <label for="remember">${words.remember}</label>
          </div>
          ${button(words.signIn)}`,
      )}
      ${form(action, { step: 'cancel' }, button(words.cancel, { quiet: true }))}`,
  }
}

interface SecondFactor {
  language: Language
  action: string
  /** Where the password is asked for again. */
  restart: string
  fault?: string | undefined
}

/** The code of the second step. */
export function secondFactorPage({ language, action, restart, fault }: SecondFactor): PageContent {
  const words = TEXTS[language]
  return {
    language,
    title: words.secondFactor,
    ...(fault === undefined ? {} : { fault }),
    body: html`${form(
        action,
        { step: 'code' },
        html`${field({
          name: 'code',
          label: words.code,
          autocomplete: 'one-time-code',
          look: 'code',
          maxlength: 64,
          hint: words.codeHint,
          fault,
          autofocus: true,
        })}
        ${button(words.continue)}`,
      )}
      ${form(action, { step: 'cancel' }, button(words.cancel, { quiet: true }))}
      <p class="soft"><a href="${restart}">${words.startOver}</a></p>`,
  }
}

import { button, field, form, notice } from '../../pages/form.ts'
import { html } from '#shared/html.ts'
import type { Language } from '#shared/language.ts'
import type { Page } from '../../pages/page.ts'
import { RESET_PATH, VERIFY_PATH } from '../mail-links.ts'
import type { Account } from '../store.ts'
import { PAGE_TEXTS } from './texts.ts'

export type ResetFault = keyof (typeof PAGE_TEXTS)['en']['faults']

/** The form keeps the language that was chosen. */
const action = (path: string, language: Language) => `${path}?lang=${language}`

export function verifyPage(language: Language, token: string, email: string): Page {
  const { verify } = PAGE_TEXTS[language]
  const body = html`<p>${verify.ask}</p>
    <p><strong>${email}</strong></p>
    ${form(action(VERIFY_PATH, language), { token }, button(verify.button))}`
  return { language, title: verify.title, body }
}

export function verifiedPage(language: Language, { state }: Pick<Account, 'state'>): Page {
  const { verified } = PAGE_TEXTS[language]
  const text = state === 'pending' ? verified.pending : verified.approved
  return { language, title: verified.title, body: notice('good', text) }
}

export interface ResetView {
  token: string
  email: string
  /** Fewest characters of a password. */
  min: number
  fault?: ResetFault
}

export function resetPage(language: Language, { token, email, min, fault }: ResetView): Page {
  const { error, reset, resetButton, faults } = PAGE_TEXTS[language]
  const text = fault === undefined ? undefined : faults[fault]
  const isDifferent = fault === 'different'
  const password = { type: 'password', autocomplete: 'new-password' } as const
  const fields = [
    // Password managers store the password under this name.
    field({ name: 'email', label: reset.email, type: 'email', value: email, autocomplete: 'username', readonly: true }),
    field({
      ...password,
      name: 'password',
      label: reset.password,
      hint: reset.hint(min),
      autofocus: !isDifferent,
      fault: isDifferent ? undefined : text,
    }),
    field({
      ...password,
      name: 'repeat',
      label: reset.repeat,
      autofocus: isDifferent,
      fault: isDifferent ? text : undefined,
    }),
    button(resetButton),
  ]
  const body = html`<p>${reset.ask}</p>
    ${form(action(RESET_PATH, language), { token }, fields)}`
  return { language, title: reset.title, body, ...(text === undefined ? {} : { fault: error }) }
}

export function resetDonePage(language: Language): Page {
  const { done } = PAGE_TEXTS[language]
  return { language, title: done.title, body: notice('good', done.text) }
}

export type Failure = 'verify' | 'reset' | 'conflict' | 'busy' | 'other'

export function failurePage(language: Language, failure: Failure): Page {
  const { error, bad, failed, conflict } = PAGE_TEXTS[language]
  const isBad = failure === 'verify' || failure === 'reset'
  const text = isBad ? bad[failure] : failure === 'conflict' ? conflict : failed[failure]
  return { language, title: isBad ? bad.title : failed.title, fault: error, body: notice('bad', text) }
}

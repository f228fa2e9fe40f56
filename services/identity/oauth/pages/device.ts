import { button, field, form, notice } from '../../pages/form.ts'
import { html } from '#shared/html.ts'
import type { Language } from '#shared/language.ts'
import { TEXTS } from '../texts.ts'
import type { PageContent } from './sign-in.ts'

interface DeviceForm {
  language: Language
  action: string
  /** Against other sites' forms; of the session. */
  xsrf: string
}

/** Where the code of a device is entered (RFC 8628 3.3); one that came with the address still has to be sent. */
export function userCodePage(
  options: DeviceForm & { code?: string | undefined; fault?: string | undefined },
): PageContent {
  const { language, action, xsrf, code = '', fault } = options
  const words = TEXTS[language]
  return {
    language,
    title: words.device,
    ...(fault === undefined ? {} : { fault }),
    body: form(
      action,
      { xsrf },
      html`${field({
        name: 'user_code',
        label: words.deviceCode,
        value: code,
        autocomplete: 'off',
        look: 'code',
        maxlength: 20,
        hint: words.deviceHint,
        fault,
        autofocus: true,
      })}
      ${button(words.continue)}`,
    ),
  }
}

/** Asks whether this is the very device that the person has in hand (RFC 8628 5.4: remote phishing). */
export function userCodeConfirmPage(options: DeviceForm & { code: string; client: string }): PageContent {
  const { language, action, xsrf, code, client } = options
  const words = TEXTS[language]
  return {
    language,
    title: words.deviceConfirm(client),
    body: html`<p>${words.deviceConfirmText}</p>
      ${form(
        action,
        { xsrf, confirm: 'yes' },
        html`${field({ name: 'user_code', label: words.deviceCode, value: code, look: 'code', readonly: true })}
          <p class="soft">${words.deviceWarning}</p>
          ${button(words.continue)} ${button(words.cancel, { name: 'abort', value: 'yes', quiet: true })}`,
      )}`,
  }
}

export function deviceDonePage(language: Language, client: string): PageContent {
  const words = TEXTS[language]
  return { language, title: words.deviceDone, body: notice('good', words.deviceDoneText(client)) }
}

/** The person said no, or it cannot be asked again. */
export function deviceEndPage(language: Language, text: string): PageContent {
  const words = TEXTS[language]
  return { language, title: words.device, body: html`<p>${text}</p>` }
}

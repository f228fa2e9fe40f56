import Joi from 'joi'
import { emailAddress } from '#shared/mail/settings.ts'
import { emailOf } from './store.ts'

function localeNamed(name: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(name)[0]
  } catch {
    return undefined
  }
}

export const NAME_MAX_LENGTH = 100
const LOCALE_MAX_LENGTH = 35
/** Long ones are refused before they are hashed; how long one may be, its policy says. */
const PASSWORD_INPUT_MAX = 4096

/** Whatever people are called; no line breaks or other control characters, and not only blanks. */
export const personName = () =>
  Joi.string()
    .max(NAME_MAX_LENGTH)
    // Two passes over the text, and none over what is too long: in one pattern the parts would be tried against each other.
    .pattern(/^\P{Cc}*$/u)
    .pattern(/[^\s\p{C}]/u)
    .prefs({ abortEarly: true })
    .messages({ 'string.pattern.base': '{{#label}} must have visible characters and no line breaks' })
    .example('김나침')

export const email = () => emailAddress(emailOf)

export const password = () => Joi.string().max(PASSWORD_INPUT_MAX).example('바른 말 고운 말 42')

export const oneTimeToken = () => Joi.string().max(100).description('From the link in the mail')

export const locale = () =>
  Joi.string()
    .max(LOCALE_MAX_LENGTH)
    .custom((value: string, helpers) => localeNamed(value) ?? helpers.error('locale'))
    .messages({ locale: '{{#label}} must be a language tag such as ko or en-GB' })
    .example('ko')

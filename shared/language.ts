import type { IncomingHttpHeaders } from 'node:http'

/** Languages of mails and pages. */
export const LANGUAGES = ['ko', 'en'] as const
export type Language = (typeof LANGUAGES)[number]

/** Texts of one page or mail in every language. */
export type Texts<T> = Record<Language, T>

const isLanguage = (text: unknown): text is Language => LANGUAGES.includes(text as Language)

/** The language of a mail to somebody with this locale (BCP 47): Korean or, for all others, English. */
export const languageOfLocale = (locale: string): Language => (/^ko\b/i.test(locale) ? 'ko' : 'en')

/** Weights of `Accept-Language` (RFC 9110 12.5.4), the most wanted first, equal ones in their order. */
function wanted(field: string): string[] {
  return field
    .split(',')
    .map((entry) => {
      const [range = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase())
      const weight = parameters.find((parameter) => parameter.startsWith('q='))
      return { language: range.split('-', 1)[0] as string, weight: weight === undefined ? 1 : Number(weight.slice(2)) }
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ language }) => language)
}

/**
 * The language of a page: `lang` of the query when there is such a one, else the browser's first wish that there is, else
 * English.
 */
export function languageOf(headers: IncomingHttpHeaders, query: unknown): Language {
  const { lang } = (query ?? {}) as { lang?: unknown }
  if (isLanguage(lang)) return lang
  return wanted(headers['accept-language'] ?? '').find(isLanguage) ?? 'en'
}

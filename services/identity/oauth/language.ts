import type { IncomingHttpHeaders } from 'node:http'
import { LANGUAGES, languageOf, type Language } from '#shared/language.ts'

/**
 * The language of a page: what the person chose on it (`lang`), what the application asks for (`ui_locales`, OpenID Connect
 * Core 3.1.2.1), what the browser wants.
 */
export function languageFor(headers: IncomingHttpHeaders, query: { lang?: unknown }, uiLocales?: unknown): Language {
  if ((LANGUAGES as readonly unknown[]).includes(query.lang)) return query.lang as Language
  const asked = typeof uiLocales === 'string' ? uiLocales.split(' ') : []
  const languages = asked.map((locale) => (locale.split('-', 1)[0] as string).toLowerCase())
  return (
    LANGUAGES.find((language) => language === languages.find((one) => LANGUAGES.includes(one as Language))) ??
    languageOf(headers, {})
  )
}

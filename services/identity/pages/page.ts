import type { FastifyReply, FastifyRequest } from 'fastify'
import { Html, html, type Content } from '#shared/html.ts'
import { LANGUAGES, type Language } from '#shared/language.ts'
import { STYLES, STYLES_HASH } from './styles.ts'

export interface Page {
  language: Language
  /** What the page is about: its title and heading. */
  title: string
  body: Content
  /** The title begins with this, so that a screen reader says first that something was wrong. */
  fault?: string
  /** Path and query of this page, when it can be asked for again in another language. */
  url?: string
  /** Origins besides this one to which the page's forms may lead (a redirect counts, CSP 3 section 6.4.2). */
  formTargets?: readonly string[]
}

export interface RenderedPage {
  headers: Record<string, string>
  text: string
}

const PRODUCT: Record<Language, string> = { ko: '나침반', en: 'Najimban' }
const LANGUAGE_NAMES: Record<Language, string> = { ko: '한국어', en: 'English' }

/** A compass. */
const MARK = html`<svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
  <circle cx="16" cy="16" r="13.5" fill="none" stroke="currentColor" stroke-width="2.5" />
  <path d="M22 10l-3.6 8.4L10 22l3.6-8.4z" fill="currentColor" />
</svg>`

/** `<style>` holds no entities: its text goes in as it is, and the hash of the policy is that of this text. */
const STYLE = new Html(`<style>${STYLES}</style>`)

/** The same page in another language. */
function inLanguage(url: string, language: Language): string {
  const [path = ''] = url.split('?', 1)
  const query = new URLSearchParams(url.slice(path.length))
  query.set('lang', language)
  return `${path}?${query.toString()}`
}

/**
 * A whole page and its header fields. Nothing in it runs, nothing is loaded, nobody may frame it, keep it, or learn from a
 * `Referer` what its address was: there may be a token in it.
 */
export function renderPage({ language, title, body, fault, url, formTargets = [] }: Page): RenderedPage {
  const others = url === undefined ? [] : LANGUAGES.filter((other) => other !== language)
  const { text } = html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>${fault === undefined ? '' : `${fault}: `}${title} - ${PRODUCT[language]}</title>
        ${STYLE}
      </head>
      <body>
        <header>${MARK}<span>${PRODUCT[language]}</span></header>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
        <footer>
          ${others.map(
            (other) =>
              html`<a href="${inLanguage(url as string, other)}" lang="${other}" hreflang="${other}"
                >${LANGUAGE_NAMES[other]}</a
              >`,
          )}
        </footer>
      </body>
    </html>`
  return {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-language': language,
      'content-security-policy':
        `default-src 'none'; style-src ${STYLES_HASH}; form-action ${["'self'", ...formTargets].join(' ')}; ` +
        `base-uri 'none'; frame-ancestors 'none'`,
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      vary: 'accept-language',
    },
    text,
  }
}

/** Routes that answer pages: they are no representations of resources. */
export const PAGE_ROUTE = { etag: false } as const

/** Answers with a page; one that was asked for by GET can be had in the other language. */
export function sendPage(request: FastifyRequest, reply: FastifyReply, page: Omit<Page, 'url'>, status = 200) {
  const url = request.method === 'GET' ? { url: request.url } : {}
  const { headers, text } = renderPage({ ...page, ...url })
  return reply.code(status).headers(headers).send(text)
}

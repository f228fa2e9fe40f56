import { Html, html, type Content } from '#shared/html.ts'
import { LANGUAGES, type Language } from '#shared/language.ts'
import type { StoredReport } from '../../reports/store.ts'
import { sectionsOf, textOf, type Block, type Cell } from './sections.ts'
import { STYLES, STYLES_HASH } from './styles.ts'
import { TEXTS, type PageTexts } from './texts.ts'

const LANGUAGE_NAMES: Record<Language, string> = { ko: '한국어', en: 'English' }
/** Tables with more columns become lists on a phone. */
const NARROW_COLUMNS = 3

/** The reader's zone is not known, and the page must not differ by the server's: UTC, and it says so. */
const formatOf = (language: Language) =>
  new Intl.DateTimeFormat(language, { timeZone: 'UTC', dateStyle: 'long', timeStyle: 'long' })
const FORMATS: Record<Language, Intl.DateTimeFormat> = { ko: formatOf('ko'), en: formatOf('en') }

/** `<style>` holds no entities: its text goes in as it is, and the hash of the policy is that of this text. */
const STYLE = new Html(`<style>${STYLES}</style>`)

/** Nothing runs, nothing is loaded, nobody frames it, and no `Referer` tells of its address: there may be a token in it. */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src ${STYLES_HASH}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox`,
  'referrer-policy': 'no-referrer',
  'cache-control': 'private, no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

/** Foreign text stands by itself: its direction is its own, and what turns the direction around ends with it. */
const foreign = ({ text, word }: Cell): Html =>
  word === undefined ? html`<bdi dir="auto">${text}</bdi>` : html`<span class="word ${word}">${text}</span>`

function blockHtml(block: Block): Html {
  if ('lines' in block) return html`${block.lines.map((text) => html`<p>${foreign({ text })}</p>`)}`
  if ('items' in block)
    return html`<ul>
      ${block.items.map((item) => html`<li>${foreign(item)}</li>`)}
    </ul>`
  const { heads, rows } = block
  const cell = (one: Cell, at: number) =>
    html`<td data-head="${heads[at]}" ${one.text === '' && html` class="empty"`}>${foreign(one)}</td>`
  return html`<table${heads.length > NARROW_COLUMNS && html` class="wide"`}>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr>
        ${row.map(cell)}
      </tr> `,
  )}</tbody></table>`
}

const section = (title: string, content: Content) =>
  html`<section>
    <h2>${title}</h2>
    ${content}
  </section> `

function facts({ createdAt, severity, policyVersion }: StoredReport, texts: PageTexts, language: Language): Html {
  const instant = Temporal.Instant.fromEpochMilliseconds(createdAt)
  const shown = FORMATS[language].format(createdAt)
  const fact = (name: string, value: Content) =>
    html`<div>
      <dt>${name}</dt>
      <dd>${value}</dd>
    </div>`
  const word = severity === null ? undefined : { text: texts.words[severity] ?? severity, word: severity }
  return html`<dl class="facts">
    ${fact(texts.received, html`<time datetime="${instant.toString()}">${shown}</time>`)}
    ${word !== undefined && fact(texts.severity, foreign(word))}
    ${policyVersion !== null && fact(`${texts.policy} ${texts.version}`, foreign({ text: textOf(policyVersion) }))}
  </dl>`
}

/** The same address in another language. */
function inLanguage(url: string, language: Language): string {
  const [path = ''] = url.split('?', 1)
  const query = new URLSearchParams(url.slice(path.length))
  query.set('lang', language)
  // Of the path only its last part: the gateway shows it below a prefix that is not known here.
  return `${path.slice(path.lastIndexOf('/') + 1)}?${query.toString()}`
}

/**
 * A page for people, and for paper: everything of the report is text in it, whatever it is.
 * @param url path and query under which it was asked for
 */
export function pageOf(report: StoredReport, language: Language, url: string): string {
  const texts = TEXTS[language]
  const { id, markdown } = report
  const sections = sectionsOf(JSON.parse(report.report) as Record<string, unknown>, texts)
  const others = LANGUAGES.filter((other) => other !== language)
  const { text } = html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>${texts.report} ${id}</title>
        ${STYLE}
      </head>
      <body>
        <header>
          <p class="brand">${texts.product}</p>
          <h1>${texts.report} <bdi>${id}</bdi></h1>
        </header>
        <main>
          ${report.errors !== null && html`<p class="notice">${texts.quarantined}</p>`}
          ${facts(report, texts, language)}
          ${sections.map(({ title, blocks }) => section(title, blocks.map(blockHtml)))}
          ${markdown !== null && section(texts.asSent, html`<pre dir="auto">${textOf(markdown)}</pre>`)}
        </main>
        <footer>
          <p>${texts.print}</p>
          ${others.map((other) => html`<a href="${inLanguage(url, other)}" lang="${other}" hreflang="${other}">${LANGUAGE_NAMES[other]}</a>`)}
        </footer>
      </body>
    </html> `
  return text
}

import { html } from '#shared/html.ts'
import { languageOfLocale, type Language } from '#shared/language.ts'
import type { Message } from '#shared/mail/message.ts'
import type { MailRequest, PreparedMail } from './request.ts'
import { MAIL_TEXTS, SECURITY_TEXTS } from './texts.ts'

const PRODUCT: Record<Language, string> = { ko: '나침반', en: 'Najimban' }

const UNITS = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const

/** A time in its largest unit that leaves nothing over: `24 hours` is `1 day`. */
function timeText(seconds: number, language: Language): string {
  const [size, unit] = UNITS.find(([size]) => seconds % size === 0) as (typeof UNITS)[number]
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / size)
}

const BUTTON =
  'display:inline-block;padding:12px 20px;border-radius:10px;background:#0b5c73;color:#ffffff;font-weight:bold;text-decoration:none'
const BODY =
  'margin:0;padding:24px;max-width:560px;font:16px/1.6 system-ui,-apple-system,"Apple SD Gothic Neo","Noto Sans KR","Malgun Gothic",sans-serif;word-break:keep-all'

/** A mail in the language of its reader, as plain text and as HTML that loads nothing. */
export function composeMail(request: MailRequest, { locale, link }: PreparedMail, publicUrl: string): Message {
  const language = languageOfLocale(locale)
  const { subject, paragraphs, action } = MAIL_TEXTS[language][request.template]({
    host: new URL(publicUrl).host,
    time: link === undefined ? '' : timeText(link.ttl_s, language),
    event: request.template === 'security-note' ? SECURITY_TEXTS[language][request.event] : '',
  })
  const product = PRODUCT[language]
  const [first = '', ...others] = paragraphs
  const page = html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <title>${subject}</title>
      </head>
      <body style="${BODY}">
        <p>${first}</p>
        ${
          link !== undefined &&
          html`<p><a href="${link.url}" style="${BUTTON}">${action}</a></p>
            <p>${link.url}</p>`
        }
        ${others.map((paragraph) => html`<p>${paragraph}</p>`)}
        <p>${product} - <a href="${publicUrl}">${publicUrl}</a></p>
      </body>
    </html>`
  return {
    subject: `[${product}] ${subject}`,
    text: `${[first, ...(link === undefined ? [] : [link.url]), ...others, `-- \n${product} - ${publicUrl}`].join('\n\n')}\n`,
    html: page.text,
  }
}

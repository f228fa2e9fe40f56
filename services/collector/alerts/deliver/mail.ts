import { html } from '#shared/html.ts'
import type { Message } from '#shared/mail/message.ts'
import { LEVEL_TEXTS, summaryOf, WORDS } from '../texts.ts'
import { detailsOf, headlineOf, shownOf, statusOf, type Content } from './content.ts'

const BODY =
  'margin:0;padding:24px;max-width:640px;font:16px/1.6 system-ui,-apple-system,"Apple SD Gothic Neo","Noto Sans KR","Malgun Gothic",sans-serif;word-break:keep-all'
const BOX = 'margin:0 0 16px;padding:12px 16px;border-left:4px solid '
const COLOURS = { info: '#2563eb', warning: '#ca8a04', error: '#ea580c', critical: '#dc2626' } as const
const OVER = '#16a34a'

/** A mail about alerts, as plain text and as HTML that loads nothing. */
export function alertMail(content: Content): Message {
  const { notification, language, publicUrl } = content
  const words = WORDS[language]
  const headline = headlineOf(content)
  const { shown, more } = shownOf(notification.alerts)
  const parts = shown.map((alert) => ({
    colour: alert.status === 'resolved' ? OVER : COLOURS[alert.level],
    head: `${statusOf(alert, language)} · ${LEVEL_TEXTS[language][alert.level]} · ${alert.rule}`,
    summary: summaryOf(alert, language),
    details: detailsOf(alert, content),
  }))
  const rest = more > 0 ? words.more(more) : undefined
  const page = html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <title>${headline}</title>
      </head>
      <body style="${BODY}">
        ${parts.length === 0 && html`<p>${headline}</p>`}
        ${parts.map(
          ({ colour, head, summary, details }) =>
            html`<div style="${BOX}${colour}">
              <p style="margin:0"><b>${head}</b></p>
              <p style="margin:4px 0">${summary}</p>
              <p style="margin:0;color:#555555">
                ${details.map(([name, value], i) => [i > 0 && html`<br />`, `${name}: `, name === words.runbook ? html`<a href="${value}">${value}</a>` : value])}
              </p>
            </div>`,
        )}
        ${rest !== undefined && html`<p>${rest}</p>`}
        <p style="color:#555555">${words.reason}<br />${words.product} - <a href="${publicUrl}">${publicUrl}</a></p>
      </body>
    </html>`
  const blocks = parts.map(({ head, summary, details }) =>
    [head, summary, ...details.map(([name, value]) => `${name}: ${value}`)].join('\n'),
  )
  const lines = [...(blocks.length === 0 ? [headline] : blocks), ...(rest === undefined ? [] : [rest])]
  return {
    subject: `[${words.product}] ${headline}`,
    text: `${[...lines, `-- \n${words.reason}\n${words.product} - ${publicUrl}`].join('\n\n')}\n`,
    html: page.text,
  }
}

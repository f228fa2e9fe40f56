import { LEVEL_TEXTS, summaryOf, WORDS } from '../texts.ts'
import { cut, detailsOf, headlineOf, shownOf, statusOf, type Content } from './content.ts'

/** Of a text in a block (https://docs.slack.dev/reference/block-kit/blocks/section-block). */
const TEXT_MAX = 3000
const HEADER_MAX = 150

/** What Slack would take for a link, a name or an end of one. */
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text: cut(text, TEXT_MAX) } })
const ICONS = { info: '🔵', warning: '🟡', error: '🟠', critical: '🔴' } as const

/** A message for an incoming webhook: `text` is what notifications and screen readers have, blocks what is shown. */
export function slackMessage(content: Content): object {
  const { notification, language, publicUrl } = content
  const words = WORDS[language]
  const headline = headlineOf(content)
  const { shown, more } = shownOf(notification.alerts)
  const alerts = shown.map((alert) => {
    const icon = alert.status === 'resolved' ? '✅' : ICONS[alert.level]
    const head = `${icon} *${statusOf(alert, language)} · ${LEVEL_TEXTS[language][alert.level]} · ${escape(alert.rule)}*`
    const details = detailsOf(alert, content).map(([name, value]) => `${name}: ${escape(value)}`)
    return section([head, escape(summaryOf(alert, language)), ...details].join('\n'))
  })
  const isSeveral = notification.alerts.length > 1
  return {
    text: `${words.product}: ${escape(headline)}`,
    blocks: [
      ...(isSeveral || alerts.length === 0
        ? [{ type: 'header', text: { type: 'plain_text', text: cut(headline, HEADER_MAX), emoji: true } }]
        : []),
      ...alerts,
      ...(more > 0 ? [section(words.more(more))] : []),
      { type: 'context', elements: [{ type: 'mrkdwn', text: `${words.product} · ${escape(publicUrl)}` }] },
    ],
    unfurl_links: false,
  }
}

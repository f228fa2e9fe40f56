import type { Language } from '#shared/language.ts'
import { sectionsOf, type Block, type Cell } from './sections.ts'
import { TEXTS } from './texts.ts'

/** Most text is plain: it is looked at once. */
const NOT_PLAIN = /[\\`*_~[\]<>|#&]|[^\S ]| {2}/

/** Text as one line of Markdown that is nothing but text: markup, HTML and the border of a table are escaped. */
const line = (text: string): string =>
  NOT_PLAIN.test(text) ? text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_~[\]<>|#&]/g, '\\$&') : text

/** The same where a block begins: nor is it a list or a heading (CommonMark 0.31 sections 2.4, 4.3 and 5.2). */
const startLine = (text: string): string =>
  line(text)
    .replace(/^ ?([-+=])/, '\\$1')
    .replace(/^ ?(\d{1,9})([.)])/, '$1\\$2')

const cells = (row: readonly Cell[]) => `| ${row.map(({ text }) => line(text)).join(' | ')} |`

function blockLines(block: Block): string[] {
  if ('lines' in block) return block.lines.map(startLine)
  if ('items' in block) return block.items.map(({ text }) => `- ${startLine(text)}`)
  const { heads, rows } = block
  return [`| ${heads.join(' | ')} |`, `|${' --- |'.repeat(heads.length)}`, ...rows.map(cells)]
}

/** A page for people, made from any stored report: Status, Diff, Policy, Notes; the same report gives the same text. */
export function markdownOf(id: string, report: Record<string, unknown>, language: Language): string {
  const texts = TEXTS[language]
  const lines = [`# ${texts.report} ${line(id)}`]
  for (const { title, blocks } of sectionsOf(report, texts)) {
    lines.push('', `## ${title}`)
    for (const block of blocks) lines.push('', ...blockLines(block))
  }
  return `${lines.join('\n')}\n`
}

import type { PageTexts } from './texts.ts'

type Fields = Record<string, unknown>

/** A cell or a note: text of whoever sent the report. `word` is the text as sent when it is one of the known words. */
export interface Cell {
  text: string
  word?: string
}

export type Block = { lines: string[] } | { heads: string[]; rows: Cell[][] } | { items: Cell[] }

/** One part of the page, in the order in which parts come. */
export interface Section {
  title: string
  blocks: Block[]
}

const WORDS: ReadonlySet<string> = new Set(['pass', 'warn', 'fail', 'block', 'info', 'na', 'up', 'down', 'flat'])

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const objectsOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isObject) : [])

const signed = (value: unknown) => (typeof value === 'number' ? `${value > 0 ? '+' : ''}${value}` : value)

// eslint-disable-next-line no-control-regex
const CONTROL = /[\0-\x08\x0e-\x1f\x7f-\x9f]/
const CONTROLS = new RegExp(CONTROL, 'g')

/** A value as text: without control characters, which mean something to terminals, and with whole characters only. */
export function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value)
  const whole = text.isWellFormed() ? text : text.toWellFormed()
  return CONTROL.test(whole) ? whole.replaceAll(CONTROLS, '\ufffd') : whole
}

/**
 * What a page about a report says: Status, Diff, Policy, Notes; a part that the report has not is left out, whatever JSON it is.
 */
export function sectionsOf(report: Fields, texts: PageTexts): Section[] {
  const { status, diff, policy, notes } = report
  const cell = (value: unknown): Cell => {
    const text = textOf(value)
    return WORDS.has(text) ? { text: texts.words[text] ?? text, word: text } : { text }
  }
  const plain = (value: unknown): Cell => ({ text: textOf(value) })
  const table = (heads: string[], rows: Cell[][]): Block[] => (rows.length === 0 ? [] : [{ heads, rows }])

  const states = isObject(status) ? Object.entries(status).map(([name, state]) => [plain(name), cell(state)]) : []
  const changes = (isObject(diff) ? objectsOf(diff.summary) : []).map((change) => [
    plain(change.id),
    cell(change.trend),
    plain(signed(change.deltaPct)),
  ])
  const { policy_version: version, evaluations } = isObject(policy) ? policy : ({} as Fields)
  const judged = objectsOf(evaluations).map((one) => [
    plain(one.rule_id ?? one.rule),
    plain(one.target),
    cell(one.verdict ?? one.result),
    cell(one.severity),
    plain(one.message),
  ])
  const remarks = Array.isArray(notes) ? notes : notes === undefined || notes === null ? [] : [notes]

  const sections: Section[] = [
    {
      title: texts.status,
      blocks: states.length === 0 ? [{ lines: [texts.nothingChecked] }] : table([texts.check, texts.status], states),
    },
    { title: texts.diff, blocks: table([texts.what, texts.trend, texts.change], changes) },
    {
      title: texts.policy,
      blocks: [
        ...(version === undefined ? [] : [{ lines: [`${texts.version}: ${textOf(version)}`] }]),
        ...table([texts.rule, texts.target, texts.verdict, texts.severity, texts.message], judged),
      ],
    },
    { title: texts.notes, blocks: remarks.length === 0 ? [] : [{ items: remarks.map(plain) }] },
  ]
  return sections.filter(({ blocks }) => blocks.length > 0)
}

import { hash } from 'node:crypto'
import type { NewReport } from '../ingest/store.ts'
import type { Counted } from '../rollups/series-tally.ts'
import type { Severity } from '../ingest/severity.ts'
import { folded, foldedMessage, gramsOf } from './grams.ts'
import { countedBy, type TermKind } from './terms.ts'

/** 53 bits, the most that a number has: another thing with the same one is out of the question among those of a tenant. */
export function termOf(kind: TermKind, name: string, value = ''): number {
  const bytes = hash('sha256', `${kind}\n${value}\n${name}`, 'buffer')
  return bytes.readUIntBE(0, 6) * 32 + (bytes.readUInt8(6) & 31)
}

/** A text that people search in, with its term. */
export interface Text {
  term: number
  body: string
  grams: string[]
}

const textOf = (kind: TermKind, name: string): Text => {
  const body = kind === 'message' || kind === 'note' ? foldedMessage(name) : folded(name)
  return { term: termOf(kind, body), body, grams: [...new Set(gramsOf(body))] }
}

export const QUARANTINED = termOf('state', 'quarantined')
export const HELD = termOf('state', 'held')
/** The condition for those on hold: as text, so that it is that of their index. */
export const IS_HELD = `terms @> ARRAY[${HELD}]::bigint[]`

/** What a report is found by, and the texts in it. */
export function foundBy(report: NewReport): { terms: number[]; texts: Text[] } {
  const { severity, policyVersion, errors, keptLabels = {}, hold, said } = report
  const terms = [termOf('severity', severity ?? 'none')]
  if (policyVersion !== undefined) terms.push(termOf('policy', policyVersion))
  if (errors.length > 0) terms.push(QUARANTINED)
  if (hold !== undefined) terms.push(HELD)
  for (const [name, value] of Object.entries(keptLabels)) {
    terms.push(termOf('label', name), termOf('label', name, String(value)))
  }
  const texts = new Map<string, Text>()
  const say = (kind: TermKind, name: string) => {
    if (name !== '' && !texts.has(`${kind}\n${name}`)) texts.set(`${kind}\n${name}`, textOf(kind, name))
  }
  for (const { rule, target, message } of said.evaluations) {
    terms.push(termOf('place', rule, target))
    say('rule', rule)
    say('target', target)
    say('message', message)
    // A name is found as it is written, its text as it is folded.
    terms.push(termOf('place', rule))
    if (target !== '') terms.push(termOf('place', '', target))
  }
  for (const note of said.notes) say('note', note)
  const all = new Map([...texts.values()].filter(({ body }) => body !== '').map((text) => [text.term, text]))
  return { terms: [...new Set([...terms, ...all.keys()])], texts: [...all.values()] }
}

/** What it counts by, as it is stored for when it goes. */
export function countedText(report: NewReport): string {
  const rules = report.said.evaluations.map(
    ({ rule, severity }) => ({ kind: 'rule', name: rule, value: severity }) as const,
  )
  return JSON.stringify([report.severity ?? null, report.policyVersion ?? null, [...countedBy(report, rules).rules]])
}

export function countedIn(tenantId: string, createdAt: number, text: string): Counted {
  const [severity, policyVersion, rules] = JSON.parse(text) as [Severity | null, string | null, [string, Severity][]]
  return {
    tenantId,
    createdAt,
    severity: severity ?? undefined,
    policyVersion: policyVersion ?? undefined,
    rules: new Map(rules),
  }
}

import { evaluationsOf } from '../ingest/evaluations.ts'
import { SEVERITIES, type Severity } from '../ingest/severity.ts'
import { sightingsOf, type Sighting } from '../findings/fingerprint.ts'

/** What a report can be found by. A kind without a value has ''. */
export type TermKind =
  /** Name and severity of a rule that it has evaluated. */
  | 'rule'
  | 'target'
  /** A rule and the target that it was evaluated for. */
  | 'place'
  /** A message of an evaluation, folded. */
  | 'message'
  | 'note'
  /** A label with its value, and with '' for any. */
  | 'label'
  | 'severity'
  | 'policy'
  | 'state'

/** Kinds whose name is a text that people search in. */
export const TEXT_KINDS: ReadonlySet<TermKind> = new Set<TermKind>(['rule', 'target', 'message', 'note'])

/** What a report says that it can be found by, beside its columns. */
export interface Said {
  /** Also those of a report that does not fit its schema. */
  evaluations: Sighting[]
  notes: string[]
}

/** Evaluations and notes of a report by which it is found, each; the report itself has them all. */
export const SAID_MAX = 500
const NOTE_MAX_LENGTH = 1000

const notesOf = (notes: unknown): string[] =>
  Array.isArray(notes)
    ? notes
        .slice(0, SAID_MAX)
        .filter((note): note is string => typeof note === 'string' && note !== '')
        .map((note) => note.slice(0, NOTE_MAX_LENGTH))
    : []

export const saidBy = (sightings: readonly Sighting[], notes: unknown): Said => ({
  evaluations: sightings.slice(0, SAID_MAX),
  notes: notesOf(notes),
})

/** The same of a report as it is stored. */
export function saidIn(report: string): Said {
  const { policy, notes } = JSON.parse(report) as { policy?: unknown; notes?: unknown }
  return saidBy(sightingsOf(evaluationsOf(policy)), notes)
}

/** Each rule with its worst severity. */
export function worstOf(evaluations: readonly Pick<Sighting, 'rule' | 'severity'>[]): Map<string, Severity> {
  const worst = new Map<string, Severity>()
  for (const { rule, severity } of evaluations) {
    const known = worst.get(rule)
    if (known === undefined || SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(known)) worst.set(rule, severity)
  }
  return worst
}

import { composed } from '../ingest/composed.ts'
import { evaluationsOf } from '../ingest/evaluations.ts'
import { SEVERITIES, type Severity } from '../ingest/severity.ts'
import type { Counted } from '../rollups/series-tally.ts'
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
        .map((note) => composed(note, NOTE_MAX_LENGTH))
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

export interface Term {
  kind: TermKind
  name: string
  value: string
}

/** What a report counts by, of which its terms are known. A rule counts with the worst that it said. */
export function countedBy(
  { tenantId, createdAt }: Pick<Counted, 'tenantId' | 'createdAt'>,
  said: readonly (Term | undefined)[],
): Counted {
  const rules = new Map<string, Severity>()
  let [severity, policyVersion]: [Severity | undefined, string | undefined] = [undefined, undefined]
  for (const term of said) {
    if (term?.kind === 'severity' && term.name !== 'none') severity = term.name as Severity
    if (term?.kind === 'policy') policyVersion = term.name
    if (term?.kind !== 'rule') continue
    const { name, value } = term as { name: string; value: Severity }
    const known = rules.get(name)
    if (known === undefined || SEVERITIES.indexOf(value) > SEVERITIES.indexOf(known)) rules.set(name, value)
  }
  return { tenantId, createdAt, severity, policyVersion, rules }
}

import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Sighting } from '../findings/fingerprint.ts'
import type { Severity } from '../ingest/severity.ts'
import { foldedMessage, gramsOf } from './grams.ts'
import { TEXT_KINDS, type Term, type TermKind } from './terms.ts'

/** What is said together, with the numbers of its terms as they are stored, by tenant, text and severity. */
type Spoken = Map<Tenant, Map<string, Partial<Record<Severity | 'none', string>>>>

/** Terms whose numbers are remembered; beyond, all are forgotten. */
const KNOWN_MAX = 50_000

/** Numbers of the terms that reports say. What a report says has mostly been said before: that costs no statement. */
export function createDictionary(db: Database) {
  const find = db
    .prepare<[string, string, string, string], number>(
      'SELECT id FROM search_terms WHERE tenantId = ? AND kind = ? AND name = ? AND value = ?',
    )
    .pluck()
  const add = db.prepare('INSERT INTO search_terms (tenantId, kind, name, value) VALUES (?, ?, ?, ?)')
  const addText = db.prepare('INSERT INTO search_texts (rowid, grams) VALUES (?, ?)')
  const newest = db.prepare<[], number | null>('SELECT max(id) FROM search_terms').pluck()
  const get = db.prepare<[number], Term>('SELECT kind, name, value FROM search_terms WHERE id = ?')
  const remove = db.prepare('DELETE FROM search_terms WHERE id = ?')
  const removeText = db.prepare('DELETE FROM search_texts WHERE rowid = ?')
  const known = new Map<string, number>()
  const evaluations: Spoken = new Map()
  const heads: Spoken = new Map()
  let spoken = 0
  const named = new Map<number, Term>()
  let highest = 0

  function forget(): void {
    known.clear()
    evaluations.clear()
    heads.clear()
    spoken = 0
    named.clear()
  }

  function idOf(tenantId: Tenant, kind: TermKind, name: string, value = ''): number {
    const key = `${kind}\n${value}\n${name}\n${tenantId}`
    const before = known.get(key)
    if (before !== undefined) return before
    let id = find.get(tenantId, kind, name, value)
    if (id === undefined) {
      id = Number(add.run(tenantId, kind, name, value).lastInsertRowid)
      if (TEXT_KINDS.has(kind)) addText.run(id, gramsOf(name).join(' '))
    }
    if (known.size >= KNOWN_MAX) forget()
    known.set(key, id)
    highest = Math.max(highest, id)
    return id
  }

  /** Looks it up among what was said before; most of a report was. */
  function once(
    among: Spoken,
    tenantId: Tenant,
    text: string,
    severity: Severity | 'none',
    make: () => (number | undefined)[],
  ): string {
    const before = among.get(tenantId)?.get(text)?.[severity]
    if (before !== undefined) return before
    const terms = make()
      .filter((id) => id !== undefined)
      .join(',')
    if (++spoken > KNOWN_MAX) forget()
    const texts = among.get(tenantId) ?? new Map<string, Partial<Record<Severity | 'none', string>>>()
    among.set(tenantId, texts)
    texts.set(text, { ...texts.get(text), [severity]: terms })
    return terms
  }

  return {
    /** To be called at the begin of a write: what a write that failed had given numbers to is not known any more. */
    begin(): void {
      const last = newest.get() ?? 0
      if (last >= highest) return
      forget()
      highest = last
    },
    idOf,
    /** The terms of what every report has. */
    ofHead: (tenantId: Tenant, severity: Severity | 'none', policyVersion: string | undefined): string =>
      once(heads, tenantId, policyVersion ?? '', severity, () => [
        idOf(tenantId, 'severity', severity),
        policyVersion === undefined ? undefined : idOf(tenantId, 'policy', policyVersion),
      ]),
    /** The terms of one evaluation. */
    ofEvaluation: (tenantId: Tenant, { fingerprint, severity, rule, target, message }: Sighting): string =>
      once(evaluations, tenantId, fingerprint, severity, () => {
        const text = foldedMessage(message)
        return [
          idOf(tenantId, 'rule', rule, severity),
          ...(target === '' ? [] : [idOf(tenantId, 'target', target), idOf(tenantId, 'place', rule, target)]),
          text === '' ? undefined : idOf(tenantId, 'message', text),
        ]
      }),
    get(id: number): Term | undefined {
      const before = named.get(id)
      if (before !== undefined) return before
      const term = get.get(id)
      if (named.size >= KNOWN_MAX) named.clear()
      if (term !== undefined) named.set(id, term)
      highest = Math.max(highest, id)
      return term
    },
    /** Removes terms that no report says any more. */
    remove(ids: readonly number[]): void {
      for (const id of ids) {
        const term = get.get(id)
        if (term === undefined) continue
        remove.run(id)
        if (TEXT_KINDS.has(term.kind)) removeText.run(id)
      }
      if (ids.length > 0) forget()
    },
  }
}

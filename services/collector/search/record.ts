import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Severity } from '../ingest/severity.ts'
import type { Series } from '../rollups/series.ts'
import { BUCKET_MS } from '../rollups/series-tally.ts'
import { BLOCK_REPORTS, blockOf } from './bits.ts'
import { createBlocks, group, termsIn, type Grouped, type SearchRow } from './blocks.ts'
import { createDictionary } from './dictionary.ts'
import { foldedMessage } from './grams.ts'
import { countedBy, type Said } from './terms.ts'

/** A report with what it is found by. */
export interface Findable {
  tenantId: Tenant
  createdAt: number
  severity: Severity | undefined
  policyVersion: string | undefined
  /** What of it does not fit its schema. */
  errors: readonly unknown[]
  /** Those that are kept of it. */
  keptLabels: Readonly<Record<string, unknown>> | undefined
  /** Why it is not to be deleted. */
  hold: object | undefined
  said: Said
}

interface Order {
  lastSeq: number
  nextBlock: number
}

export type SearchRecord = ReturnType<typeof createSearchRecord>

/** What a report may be, and later be no more. */
type Mark = 'quarantined' | 'held'

const bucketOf = (time: number) => Math.floor(time / BUCKET_MS['5m']) * BUCKET_MS['5m']

/** Keeps what reports are found by, and are counted by beside their severity, in the write that stores or deletes them. */
export function createSearchRecord(db: Database, series: Series) {
  const dictionary = createDictionary(db)
  const blocks = createBlocks(db)
  const order = db.prepare<[], Order>(
    `SELECT max(lastSeq, (SELECT coalesce(max(seq), 0) FROM reports)) AS lastSeq, nextBlock FROM report_order`,
  )
  const keepLast = db.prepare<[number]>('UPDATE report_order SET lastSeq = max(lastSeq, ?)')
  const setNext = db.prepare<[number]>('UPDATE report_order SET nextBlock = ?')
  const insert = db.prepare('INSERT INTO search_reports VALUES (?, ?, ?, ?)')
  const ofReport = db.prepare<[number], SearchRow>('SELECT * FROM search_reports WHERE seq = ?')
  const change = db.prepare('UPDATE search_reports SET terms = ? WHERE seq = ?')
  const remove = db.prepare('DELETE FROM search_reports WHERE seq = ?')
  const between = db.prepare<[number, number], SearchRow>('SELECT * FROM search_reports WHERE seq BETWEEN ? AND ?')

  function termsOf({ tenantId, severity, policyVersion, errors, keptLabels, hold, said }: Findable): string {
    let terms = dictionary.ofHead(tenantId, severity ?? 'none', policyVersion)
    const add = (id: number) => void (terms += `,${id}`)
    const mark = (state: Mark) => add(dictionary.idOf(tenantId, 'state', state))
    if (errors.length > 0) mark('quarantined')
    if (hold !== undefined) mark('held')
    if (keptLabels !== undefined) {
      for (const [name, value] of Object.entries(keptLabels)) {
        add(dictionary.idOf(tenantId, 'label', name))
        add(dictionary.idOf(tenantId, 'label', name, String(value)))
      }
    }
    for (const evaluation of said.evaluations) terms += `,${dictionary.ofEvaluation(tenantId, evaluation)}`
    for (const note of said.notes) {
      const text = foldedMessage(note)
      if (text !== '') add(dictionary.idOf(tenantId, 'note', text))
    }
    return terms
  }

  /** A block that is full is counted and found as a whole from now on. Reports that say the same are looked at together. */
  function close(block: number): void {
    const rows = between.all(block * BLOCK_REPORTS, (block + 1) * BLOCK_REPORTS - 1)
    const alike = [...Map.groupBy(rows, ({ terms }) => terms).values()]
    blocks.close(block, alike)
    const counts = series.tally()
    for (const some of alike) {
      const said = termsIn(some[0] as SearchRow).map(dictionary.get)
      for (const [time, same] of Map.groupBy(some, ({ createdAt }) => bucketOf(createdAt))) {
        counts.add(countedBy({ tenantId: (same[0] as SearchRow).tenantId, createdAt: time }, said), same.length)
      }
    }
    counts.apply()
  }

  /** Terms of reports whose block is not full. */
  const pendingTerms = (nextBlock: number): Set<number> =>
    new Set(between.all(nextBlock * BLOCK_REPORTS, Number.MAX_SAFE_INTEGER).flatMap(termsIn))

  return {
    /** Takes in the reports of one write, in their order. */
    session() {
      dictionary.begin()
      const { lastSeq, nextBlock } = order.get() as Order
      let seq = lastSeq
      return {
        /** The number of the next report in the order of arrival. */
        next: (): number => ++seq,
        /** @param at its number, from `next` or as it is stored */
        add(at: number, report: Findable): void {
          seq = at
          insert.run(at, report.tenantId, report.createdAt, termsOf(report))
        },
        apply(): void {
          const open = blockOf(seq + 1)
          if (open === nextBlock) return
          for (let block = nextBlock; block < open; block++) close(block)
          setNext.run(open)
        },
      }
    },
    /** Takes out reports, and terms that nobody says any more. */
    remove(seqs: readonly number[]): void {
      dictionary.begin()
      const { nextBlock } = order.get() as Order
      const terms: Grouped<number> = new Map()
      const tenants: Grouped<string> = new Map()
      const said = new Set<number>()
      const counts = series.tally()
      for (const row of seqs.map((seq) => ofReport.get(seq)).filter((found) => found !== undefined)) {
        const ids = termsIn(row)
        for (const term of ids) said.add(term)
        remove.run(row.seq)
        if (blockOf(row.seq) >= nextBlock) continue
        counts.remove(countedBy(row, ids.map(dictionary.get)))
        group(tenants, row.tenantId, row.seq)
        for (const term of ids) group(terms, term, row.seq)
      }
      counts.apply()
      keepLast.run(Math.max(0, ...seqs))
      blocks.leave(tenants)
      blocks.unsay(terms)
      const unsaid = [...said].filter((term) => !blocks.isSaid(term))
      if (unsaid.length === 0) return
      const pending = pendingTerms(nextBlock)
      dictionary.remove(unsaid.filter((term) => !pending.has(term)))
    },
    /** A report is something from now on, or is it no more. */
    mark(tenantId: Tenant, seq: number, mark: Mark, isSo: boolean): void {
      dictionary.begin()
      const row = ofReport.get(seq)
      if (row === undefined) return
      const term = dictionary.idOf(tenantId, 'state', mark)
      const others = termsIn(row).filter((one) => one !== term)
      change.run((isSo ? [...others, term] : others).join(','), seq)
      if (!isSo) blocks.unsay(new Map([[term, [seq]]]))
      else if (blockOf(seq) < (order.get() as Order).nextBlock) blocks.say(term, seq)
    },
  }
}

import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Severity } from '../ingest/severity.ts'
import type { Series } from '../rollups/series.ts'
import type { Counted } from '../rollups/series-tally.ts'
import {
  BLOCK_REPORTS,
  blockOf,
  clearBit,
  countBits,
  decodeBits,
  encodeBits,
  noBits,
  setBit,
  type Bits,
} from './bits.ts'
import { createDictionary } from './dictionary.ts'
import { foldedMessage } from './grams.ts'
import { worstOf, type Said } from './terms.ts'

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
  said: Said
}

interface Row {
  seq: number
  tenantId: string
  createdAt: number
  terms: string
}

export type SearchRecord = ReturnType<typeof createSearchRecord>

const QUARANTINED = 'quarantined'

/** Keeps what reports are found by, and are counted by beside their severity, in the write that stores or deletes them. */
export function createSearchRecord(db: Database, series: Series) {
  const dictionary = createDictionary(db)
  const order = db.prepare<[], { lastSeq: number; nextBlock: number }>(
    `SELECT max(lastSeq, (SELECT coalesce(max(seq), 0) FROM reports)) AS lastSeq, nextBlock FROM report_order`,
  )
  const keepLast = db.prepare<[number]>('UPDATE report_order SET lastSeq = max(lastSeq, ?)')
  const setNext = db.prepare<[number]>('UPDATE report_order SET nextBlock = ?')
  const insert = db.prepare('INSERT INTO search_reports VALUES (?, ?, ?, ?)')
  const ofReport = db.prepare<[number], Row>('SELECT * FROM search_reports WHERE seq = ?')
  const change = db.prepare('UPDATE search_reports SET terms = ? WHERE seq = ?')
  const remove = db.prepare('DELETE FROM search_reports WHERE seq = ?')
  const between = db.prepare<[number, number], Row>('SELECT * FROM search_reports WHERE seq BETWEEN ? AND ?')
  const addBlock = db.prepare('INSERT OR REPLACE INTO search_blocks VALUES (?, ?, ?, ?, ?)')
  const putBits = db.prepare('INSERT OR REPLACE INTO search_bits VALUES (?, ?, ?)')
  const getBits = db
    .prepare<[number, number], Buffer>('SELECT bits FROM search_bits WHERE term = ? AND block = ?')
    .pluck()
  const dropBits = db.prepare('DELETE FROM search_bits WHERE term = ? AND block = ?')
  const getBlock = db
    .prepare<[string, number], Buffer>('SELECT bits FROM search_blocks WHERE tenantId = ? AND block = ?')
    .pluck()
  const keepBlock = db.prepare('UPDATE search_blocks SET bits = ? WHERE tenantId = ? AND block = ?')
  const dropBlock = db.prepare('DELETE FROM search_blocks WHERE tenantId = ? AND block = ?')
  const isSaid = db.prepare<[number], number>('SELECT 1 FROM search_bits WHERE term = ? LIMIT 1').pluck()

  function termsOf({ tenantId, severity, policyVersion, errors, keptLabels = {}, said }: Findable): number[] {
    const ids = new Set<number>()
    const add = (id: number) => void ids.add(id)
    add(dictionary.idOf(tenantId, 'severity', severity ?? 'none'))
    if (policyVersion !== undefined) add(dictionary.idOf(tenantId, 'policy', policyVersion))
    if (errors.length > 0) add(dictionary.idOf(tenantId, 'state', QUARANTINED))
    for (const [name, value] of Object.entries(keptLabels)) {
      add(dictionary.idOf(tenantId, 'label', name))
      add(dictionary.idOf(tenantId, 'label', name, String(value)))
    }
    for (const evaluation of said.evaluations) dictionary.ofEvaluation(tenantId, evaluation).forEach(add)
    for (const note of said.notes) {
      const text = foldedMessage(note)
      if (text !== '') add(dictionary.idOf(tenantId, 'note', text))
    }
    return [...ids]
  }

  /** What a report was counted by, of which only its terms are left. */
  function countedBy({ tenantId, createdAt }: Row, ids: readonly number[]): Counted {
    const said = ids.map(dictionary.get).filter((term) => term !== undefined)
    const named = (kind: string) => said.find((term) => term.kind === kind)?.name
    const severity = named('severity')
    return {
      tenantId,
      createdAt,
      severity: severity === 'none' ? undefined : (severity as Severity),
      policyVersion: named('policy'),
      rules: worstOf(
        said.flatMap(({ kind, name, value }) => (kind === 'rule' ? [{ rule: name, severity: value as Severity }] : [])),
      ),
    }
  }

  /** Makes rows of bits of a block that is full. */
  function close(block: number): void {
    const rows = between.all(block * BLOCK_REPORTS, (block + 1) * BLOCK_REPORTS - 1)
    const terms = new Map<number, Bits>()
    const tenants = new Map<string, { oldest: number; newest: number; bits: Bits }>()
    for (const { seq, tenantId, createdAt, terms: said } of rows) {
      const known = tenants.get(tenantId) ?? { oldest: createdAt, newest: createdAt, bits: noBits() }
      tenants.set(tenantId, known)
      setBit(known.bits, seq)
      known.oldest = Math.min(known.oldest, createdAt)
      known.newest = Math.max(known.newest, createdAt)
      for (const term of JSON.parse(said) as number[]) {
        const bits = terms.get(term) ?? noBits()
        terms.set(term, bits)
        setBit(bits, seq)
      }
    }
    for (const [tenantId, { oldest, newest, bits }] of tenants) {
      addBlock.run(tenantId, block, oldest, newest, encodeBits(bits))
    }
    // In the order of their key: neighbours are on the same page.
    for (const term of [...terms.keys()].sort((one, other) => one - other)) {
      putBits.run(term, block, encodeBits(terms.get(term) as Bits))
    }
  }

  /** Takes bits away and keeps what is left; @returns whether anything is */
  function without(stored: Buffer | undefined, seqs: readonly number[], keep: (bits: Buffer) => void): boolean {
    if (stored === undefined) return false
    const bits = decodeBits(stored)
    for (const seq of seqs) clearBit(bits, seq)
    const isLeft = countBits(bits) > 0
    if (isLeft) keep(encodeBits(bits))
    return isLeft
  }

  /** Takes terms away from reports of blocks that are full; @returns those of which a block has none left */
  function unsay(terms: ReadonlyMap<number, number[]>, nextBlock: number): number[] {
    const emptied: number[] = []
    for (const [term, seqs] of terms) {
      const blocks = Map.groupBy(seqs, blockOf)
      for (const [block, some] of blocks) {
        if (block < nextBlock && without(getBits.get(term, block), some, (bits) => putBits.run(term, block, bits)))
          continue
        if (block < nextBlock) dropBits.run(term, block)
        emptied.push(term)
      }
    }
    return [...new Set(emptied)]
  }

  /** Terms of reports whose block is not full. */
  function pendingTerms(nextBlock: number): Set<number> {
    const rows = between.all(nextBlock * BLOCK_REPORTS, Number.MAX_SAFE_INTEGER)
    return new Set(rows.flatMap(({ terms }) => JSON.parse(terms) as number[]))
  }

  return {
    dictionary,
    /** Takes in the reports of one write, in their order. */
    session() {
      dictionary.begin()
      const { lastSeq, nextBlock } = order.get() as { lastSeq: number; nextBlock: number }
      let seq = lastSeq
      const counts = series.tally()
      return {
        /** The number of the next report in the order of arrival. */
        next: (): number => ++seq,
        /** @param at its number, from `next` or as it is stored */
        add(at: number, report: Findable): void {
          insert.run(at, report.tenantId, report.createdAt, JSON.stringify(termsOf(report)))
          counts.add({ ...report, rules: worstOf(report.said.evaluations) })
        },
        apply(): void {
          counts.apply()
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
      const { nextBlock } = order.get() as { nextBlock: number }
      const terms = new Map<number, number[]>()
      const tenants = new Map<string, number[]>()
      const counts = series.tally()
      const put = <K>(map: Map<K, number[]>, key: K, seq: number) => {
        const list = map.get(key)
        if (list === undefined) map.set(key, [seq])
        else list.push(seq)
      }
      for (const seq of seqs) {
        const row = ofReport.get(seq)
        if (row === undefined) continue
        put(tenants, row.tenantId, seq)
        const ids = JSON.parse(row.terms) as number[]
        for (const term of ids) put(terms, term, seq)
        counts.remove(countedBy(row, ids))
        remove.run(seq)
      }
      counts.apply()
      keepLast.run(Math.max(0, ...seqs))
      for (const [tenantId, all] of tenants) {
        for (const [block, some] of Map.groupBy(all, blockOf)) {
          const keep = (bits: Buffer) => keepBlock.run(bits, tenantId, block)
          if (block < nextBlock && !without(getBlock.get(tenantId, block), some, keep)) dropBlock.run(tenantId, block)
        }
      }
      const candidates = unsay(terms, nextBlock).filter((term) => isSaid.get(term) === undefined)
      if (candidates.length === 0) return
      const pending = pendingTerms(nextBlock)
      dictionary.remove(candidates.filter((term) => !pending.has(term)))
    },
    /** A report has left the quarantine. */
    release(tenantId: Tenant, seq: number): void {
      dictionary.begin()
      const row = ofReport.get(seq)
      if (row === undefined) return
      const state = dictionary.idOf(tenantId, 'state', QUARANTINED)
      const left = (JSON.parse(row.terms) as number[]).filter((term) => term !== state)
      change.run(JSON.stringify(left), seq)
      const { nextBlock } = order.get() as { nextBlock: number }
      unsay(new Map([[state, [seq]]]), nextBlock)
    },
  }
}

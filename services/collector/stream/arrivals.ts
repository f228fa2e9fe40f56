import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import { itemOf, type ReportItem, type ReportRow, type WantedSeverity } from '../reports/list.ts'
import type { State } from '../reports/schema.ts'
import { BLOCK_REPORTS, blockOf, decodeHexInto, dropBits, hasBit, keepBits, noBits, type Bits } from '../search/bits.ts'
import { eventOf } from './events.ts'

/** A report with its place in the order of arrival, in which the reports of a tenant are seen one after the other. */
export interface Arrival {
  seq: number
  item: ReportItem
  /** The event, made once for all who read it. */
  event: string
}

export interface ArrivalFilter {
  severity?: WantedSeverity
  state?: State
}

export interface ArrivalPage {
  arrivals: Arrival[]
  /** Up to here there is no other; the next page begins after it. */
  place: number
  /** There was nothing after it at that moment. */
  isLast: boolean
}

export type ArrivalStore = ReturnType<typeof createArrivalStore>

/** Blocks of one read. */
const BLOCKS = 16
/** Blocks that are looked through for one page at most, some milliseconds: what is wanted may be rare. */
const BLOCKS_MAX = 128

export function arrivalOf(row: ReportRow): Arrival {
  const item = itemOf(row)
  return { seq: row.seq, item, event: eventOf(row.seq, item) }
}

export const isWanted = ({ item }: Arrival, { severity, state }: ArrivalFilter): boolean =>
  (severity === undefined || (item.severity ?? 'none') === severity) &&
  (state === undefined || (item.state ?? 'stored') === state)

interface BlockRow {
  block: number
  bits: string
  /** '' where none is of it. */
  ofSeverity: string
  quarantined: string
}

interface Stored {
  seqs: number[]
  place: number
  /** There is nothing more in blocks that are full. */
  isLast: boolean
}

export function createArrivalStore(db: Database) {
  const order = db.prepare<[], { lastSeq: number; nextBlock: number }>(
    'SELECT max(lastSeq, (SELECT coalesce(max(seq), 0) FROM reports)) AS lastSeq, nextBlock FROM report_order',
  )
  const term = db
    .prepare<[string, string, string], number>(
      "SELECT id FROM search_terms WHERE tenantId = ? AND kind = ? AND name = ? AND value = ''",
    )
    .pluck()
  const blocks = db.prepare<[number | null, number | null, string, number, number], BlockRow>(
    `SELECT search_blocks.block AS block, hex(search_blocks.bits) AS bits, hex(s.bits) AS ofSeverity, hex(q.bits) AS quarantined
     FROM search_blocks
       LEFT JOIN search_bits AS s ON s.term = ? AND s.block = search_blocks.block
       LEFT JOIN search_bits AS q ON q.term = ? AND q.block = search_blocks.block
     WHERE tenantId = ? AND search_blocks.block >= ? ORDER BY search_blocks.block LIMIT ?`,
  )
  // By their numbers, not by another index: they are the last few.
  const pending = db.prepare<[object], ReportRow>(
    `SELECT id, createdAt, updatedAt, severity, policyVersion, quarantined, seq FROM reports
     WHERE seq > :after AND +tenantId = :tenantId AND (:severity IS NULL OR coalesce(severity, 'none') = :severity)
       AND (:quarantined IS NULL OR +quarantined = :quarantined)
     ORDER BY seq LIMIT :limit`,
  )
  const get = db.prepare<[number], ReportRow>(
    'SELECT id, createdAt, updatedAt, severity, policyVersion, quarantined, seq FROM reports WHERE seq = ?',
  )

  const bitsOf = (text: string): Bits => decodeHexInto(noBits(), text)

  function wantedIn({ bits, ofSeverity, quarantined }: BlockRow, { severity, state }: ArrivalFilter): Bits | undefined {
    if ((severity !== undefined && ofSeverity === '') || (state === 'quarantined' && quarantined === ''))
      return undefined
    const wanted = bitsOf(bits)
    if (severity !== undefined) keepBits(wanted, bitsOf(ofSeverity))
    if (state === 'quarantined') keepBits(wanted, bitsOf(quarantined))
    if (state === 'stored') dropBits(wanted, bitsOf(quarantined))
    return wanted
  }

  /** Of blocks that are full. */
  function stored(tenantId: Tenant, after: number, limit: number, filter: ArrivalFilter): Stored {
    const { severity, state } = filter
    const ofSeverity = severity === undefined ? null : (term.get(tenantId, 'severity', severity) ?? null)
    const quarantined = state === undefined ? null : (term.get(tenantId, 'state', 'quarantined') ?? null)
    const seqs: number[] = []
    let from = blockOf(after + 1)
    for (let looked = 0; looked < BLOCKS_MAX; looked += BLOCKS) {
      const rows = blocks.all(ofSeverity, quarantined, tenantId, from, BLOCKS)
      for (const row of rows) {
        const wanted = wantedIn(row, filter)
        if (wanted === undefined) continue
        for (let seq = row.block * BLOCK_REPORTS; seq < (row.block + 1) * BLOCK_REPORTS; seq++) {
          if (seq <= after || !hasBit(wanted, seq)) continue
          if (seqs.push(seq) === limit) return { seqs, place: seq, isLast: false }
        }
      }
      if (rows.length < BLOCKS) return { seqs, place: after, isLast: true }
      from = (rows.at(-1)?.block ?? 0) + 1
    }
    return { seqs, place: from * BLOCK_REPORTS - 1, isLast: false }
  }

  return {
    /** The last number that was given to a report. */
    last: (_tenantId: Tenant): number => order.get()?.lastSeq ?? 0,
    /** The first reports of a tenant after a place, in the order of arrival; only of those that are wanted. */
    after: db.transaction((tenantId: Tenant, after: number, limit: number, filter: ArrivalFilter = {}): ArrivalPage => {
      const { nextBlock } = order.get() as { nextBlock: number }
      const isOld = blockOf(after + 1) < nextBlock
      const old = isOld ? stored(tenantId, after, limit, filter) : { seqs: [], place: after, isLast: true }
      const rows = old.seqs.map((seq) => get.get(seq)).filter((row) => row !== undefined)
      let { place, isLast } = old
      if (isLast) {
        const room = limit - old.seqs.length
        place = Math.max(after, nextBlock * BLOCK_REPORTS - 1)
        const { severity = null, state } = filter
        const quarantined = state === undefined ? null : Number(state === 'quarantined')
        const fresh = pending.all({ after: place, tenantId, severity, quarantined, limit: room })
        rows.push(...fresh)
        place = fresh.at(-1)?.seq ?? place
        isLast = fresh.length < room
      }
      return { arrivals: rows.map(arrivalOf).filter((arrival) => isWanted(arrival, filter)), place, isLast }
    }) as (tenantId: Tenant, after: number, limit: number, filter?: ArrivalFilter) => ArrivalPage,
  }
}

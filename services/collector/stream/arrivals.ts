import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import { itemOf, type ReportItem, type ReportRow } from '../reports/list.ts'
import { eventOf } from './events.ts'
import { BLOCK_REPORTS, blockOf, decodeHexInto, hasBit, noBits } from '../search/bits.ts'

/** A report with its place in the order of arrival, in which the reports of a tenant are seen one after the other. */
export interface Arrival {
  seq: number
  item: ReportItem
  /** The event, made once for all who read it. */
  event: string
}

export type ArrivalStore = ReturnType<typeof createArrivalStore>

/** Blocks that are looked through for one page. */
const BLOCKS = 16

export function arrivalOf(row: ReportRow): Arrival {
  const item = itemOf(row)
  return { seq: row.seq, item, event: eventOf(row.seq, item) }
}

export function createArrivalStore(db: Database) {
  const order = db.prepare<[], { lastSeq: number; nextBlock: number }>(
    'SELECT max(lastSeq, (SELECT coalesce(max(seq), 0) FROM reports)) AS lastSeq, nextBlock FROM report_order',
  )
  const blocks = db.prepare<[string, number, number], { block: number; bits: string }>(
    'SELECT block, hex(bits) AS bits FROM search_blocks WHERE tenantId = ? AND block >= ? ORDER BY block LIMIT ?',
  )
  const pending = db
    .prepare<[number, string], number>('SELECT seq FROM search_reports WHERE seq > ? AND tenantId = ? ORDER BY seq')
    .pluck()
  const get = db.prepare<[number], ReportRow>(
    'SELECT id, createdAt, updatedAt, severity, policyVersion, quarantined, seq FROM reports WHERE seq = ?',
  )

  /** Of blocks that are full. */
  function stored(tenantId: Tenant, after: number, limit: number): number[] {
    const found: number[] = []
    for (let from = blockOf(after + 1); found.length < limit;) {
      const rows = blocks.all(tenantId, from, BLOCKS)
      for (const { block, bits: text } of rows) {
        const bits = decodeHexInto(noBits(), text)
        for (let seq = block * BLOCK_REPORTS; seq < (block + 1) * BLOCK_REPORTS; seq++) {
          if (seq > after && hasBit(bits, seq)) found.push(seq)
        }
      }
      if (rows.length < BLOCKS) break
      from = (rows.at(-1)?.block ?? 0) + 1
    }
    return found
  }

  return {
    /** The last number that was given to a report. */
    last: (_tenantId: Tenant): number => order.get()?.lastSeq ?? 0,
    /** The first reports of a tenant after a place, in the order of arrival. */
    after: db.transaction((tenantId: Tenant, after: number, limit: number): Arrival[] => {
      const { nextBlock } = order.get() as { nextBlock: number }
      const old = blockOf(after + 1) < nextBlock ? stored(tenantId, after, limit) : []
      const fresh = old.length < limit ? pending.all(Math.max(after, nextBlock * BLOCK_REPORTS - 1), tenantId) : []
      return [...old, ...fresh]
        .slice(0, limit)
        .map((seq) => get.get(seq))
        .filter((row) => row !== undefined)
        .map(arrivalOf)
    }) as (tenantId: Tenant, after: number, limit: number) => Arrival[],
  }
}

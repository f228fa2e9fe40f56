import type { Database } from '#shared/database.ts'
import { blockOf, clearBit, countBits, decodeBits, encodeBits, noBits, setBit, type Bits } from './bits.ts'

/** What a report says, as it is stored with it. */
export interface SearchRow {
  seq: number
  tenantId: string
  createdAt: number
  /** Numbers of terms, separated by commas. */
  terms: string
}

export const termsIn = (row: Pick<SearchRow, 'terms'>): number[] =>
  row.terms === '' ? [] : row.terms.split(',').map(Number)

/** Seqs by something that they have in common. */
export type Grouped<K> = Map<K, number[]>

export function group<K>(map: Grouped<K>, key: K, seq: number): void {
  const known = map.get(key)
  if (known === undefined) map.set(key, [seq])
  else known.push(seq)
}

/** Rows of bits for the blocks of reports that are full. */
export function createBlocks(db: Database) {
  const addBlock = db.prepare('INSERT OR REPLACE INTO search_blocks VALUES (?, ?, ?, ?, ?)')
  const getBlock = db
    .prepare<[string, number], Buffer>('SELECT bits FROM search_blocks WHERE tenantId = ? AND block = ?')
    .pluck()
  const keepBlock = db.prepare('UPDATE search_blocks SET bits = ? WHERE tenantId = ? AND block = ?')
  const dropBlock = db.prepare('DELETE FROM search_blocks WHERE tenantId = ? AND block = ?')
  const putBits = db.prepare('INSERT OR REPLACE INTO search_bits VALUES (?, ?, ?)')
  const getBits = db
    .prepare<[number, number], Buffer>('SELECT bits FROM search_bits WHERE term = ? AND block = ?')
    .pluck()
  const dropBits = db.prepare('DELETE FROM search_bits WHERE term = ? AND block = ?')
  const isSaid = db.prepare<[number], number>('SELECT 1 FROM search_bits WHERE term = ? LIMIT 1').pluck()

  /** Takes reports out of stored bits; nothing is stored when none is left. */
  function without(
    stored: Buffer | undefined,
    seqs: readonly number[],
    keep: (bits: Buffer) => void,
    drop: () => void,
  ) {
    if (stored === undefined) return
    const bits = decodeBits(stored)
    for (const seq of seqs) clearBit(bits, seq)
    if (countBits(bits) > 0) keep(encodeBits(bits))
    else drop()
  }

  return {
    /** Makes the rows of a block from all of its reports; those that say the same come together. */
    close(block: number, alike: readonly (readonly SearchRow[])[]): void {
      const terms = new Map<number, Bits>()
      const tenants = new Map<string, { oldest: number; newest: number; bits: Bits }>()
      for (const rows of alike) {
        const { tenantId } = rows[0] as SearchRow
        const known = tenants.get(tenantId) ?? { oldest: Infinity, newest: -Infinity, bits: noBits() }
        tenants.set(tenantId, known)
        const said = termsIn(rows[0] as SearchRow).map((term) => {
          const bits = terms.get(term) ?? noBits()
          terms.set(term, bits)
          return bits
        })
        for (const { seq, createdAt } of rows) {
          setBit(known.bits, seq)
          for (const bits of said) setBit(bits, seq)
          known.oldest = Math.min(known.oldest, createdAt)
          known.newest = Math.max(known.newest, createdAt)
        }
      }
      for (const [tenantId, { oldest, newest, bits }] of tenants) {
        addBlock.run(tenantId, block, oldest, newest, encodeBits(bits))
      }
      // In the order of their key: neighbours are on the same page.
      for (const term of [...terms.keys()].sort((one, other) => one - other)) {
        putBits.run(term, block, encodeBits(terms.get(term) as Bits))
      }
    },
    /** Takes reports out of the blocks of their tenants. */
    leave(tenants: Grouped<string>): void {
      for (const [tenantId, seqs] of tenants) {
        for (const [block, some] of Map.groupBy(seqs, blockOf)) {
          const keep = (bits: Buffer) => keepBlock.run(bits, tenantId, block)
          without(getBlock.get(tenantId, block), some, keep, () => dropBlock.run(tenantId, block))
        }
      }
    },
    /** Gives a term to a report of a block that is full. */
    say(term: number, seq: number): void {
      const block = blockOf(seq)
      const stored = getBits.get(term, block)
      const bits = stored === undefined ? noBits() : decodeBits(stored)
      setBit(bits, seq)
      putBits.run(term, block, encodeBits(bits))
    },
    /** Takes terms away from reports. */
    unsay(terms: Grouped<number>): void {
      for (const [term, seqs] of terms) {
        for (const [block, some] of Map.groupBy(seqs, blockOf)) {
          const keep = (bits: Buffer) => putBits.run(term, block, bits)
          without(getBits.get(term, block), some, keep, () => dropBits.run(term, block))
        }
      }
    },
    /** Whether a report of some block says it. */
    isSaid: (term: number): boolean => isSaid.get(term) !== undefined,
  }
}

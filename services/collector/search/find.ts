import type { Database } from '#shared/database.ts'
import { invalidField } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import {
  BLOCK_REPORTS,
  countBits,
  decodeHexInto,
  dropBits,
  hasBit,
  keepBits,
  noBits,
  setBit,
  type Bits,
} from './bits.ts'
import { termsIn } from './blocks.ts'
import { wantedWords } from './grams.ts'
import { pageOf, type Direction, type FoundBlock, type Place } from './places.ts'

/** What reports must have said: something of each group, and nothing of `not`. Terms by their numbers. */
export interface Wanted {
  all: readonly (readonly number[])[]
  not: readonly number[]
  /** Milliseconds since 1970, inclusive. */
  since?: number | undefined
  until?: number | undefined
}

export interface Found {
  count: number
  page(direction: Direction, limit: number, offset: number, after?: Place): Place[]
}

/** Different texts in which a search may find its words; more are refused, because each costs a look at its reports. */
export const TEXTS_MAX = 1000

interface Pending {
  seq: number
  createdAt: number
  terms: string
}

/** Finds reports by what they say. To be used within one transaction that reads. */
export function createFinder(db: Database) {
  const nextBlock = db.prepare<[], number>('SELECT nextBlock FROM report_order').pluck()
  const blocks = db
    .prepare<[string, number, number], [number, number, number, string]>(
      `SELECT block, oldest, newest, hex(bits) FROM search_blocks WHERE tenantId = ? AND newest >= ? AND oldest <= ?`,
    )
    .raw()
  const bitsOf = db.prepare<[number], [number, string]>('SELECT block, hex(bits) FROM search_bits WHERE term = ?').raw()
  const timesOf = db
    .prepare<[number, number, string], [number, number]>(
      'SELECT createdAt, seq FROM search_reports WHERE seq BETWEEN ? AND ? AND tenantId = ?',
    )
    .raw()
  const pendingOf = db.prepare<[number, string], Pending>(
    'SELECT seq, createdAt, terms FROM search_reports WHERE seq >= ? AND tenantId = ?',
  )
  const terms = db
    .prepare<[string, string, string], number>(
      'SELECT id FROM search_terms WHERE tenantId = ? AND kind = ? AND name = ?',
    )
    .pluck()
  const term = db
    .prepare<[string, string, string, string], number>(
      'SELECT id FROM search_terms WHERE tenantId = ? AND kind = ? AND name = ? AND value = ?',
    )
    .pluck()
  const texts = db
    .prepare<[string, string, number], number>(
      `SELECT id FROM search_terms WHERE id IN (SELECT rowid FROM search_texts WHERE search_texts MATCH ?)
         AND tenantId = ? LIMIT ?`,
    )
    .pluck()

  const placesOf = (tenantId: Tenant, block: number): Place[] =>
    timesOf.all(block * BLOCK_REPORTS, (block + 1) * BLOCK_REPORTS - 1, tenantId)

  /** The bits of terms together, by block. */
  function union(ids: readonly number[]): Map<number, Bits> {
    const found = new Map<number, Bits>()
    for (const id of ids) {
      for (const [block, stored] of bitsOf.all(id)) {
        const known = found.get(block)
        if (known === undefined) found.set(block, decodeHexInto(noBits(), stored))
        else decodeHexInto(known, stored)
      }
    }
    return found
  }

  /** Reports of blocks that are full. */
  function inBlocks(
    tenantId: Tenant,
    { all, not, since = Number.MIN_SAFE_INTEGER, until = Number.MAX_SAFE_INTEGER }: Wanted,
  ): FoundBlock[] {
    const groups = all.map(union)
    const excluded = union(not)
    return blocks.all(tenantId, since, until).flatMap(([block, oldest, newest, stored]) => {
      const bits = decodeHexInto(noBits(), stored)
      for (const group of groups) keepBits(bits, group.get(block) ?? noBits())
      const out = excluded.get(block)
      if (out !== undefined) dropBits(bits, out)
      let count = countBits(bits)
      if (count === 0) return []
      if (oldest < since || newest > until) {
        const within = noBits()
        for (const [at, seq] of placesOf(tenantId, block)) if (at >= since && at <= until) setBit(within, seq)
        keepBits(bits, within)
        count = countBits(bits)
        if (count === 0) return []
      }
      const places = () => placesOf(tenantId, block).filter(([, seq]) => hasBit(bits, seq))
      return [{ block, oldest, newest, count, places }]
    })
  }

  /** Reports of the block that is filling. */
  function pending(
    tenantId: Tenant,
    { all, not, since = Number.MIN_SAFE_INTEGER, until = Number.MAX_SAFE_INTEGER }: Wanted,
  ): FoundBlock[] {
    const block = nextBlock.get() as number
    const groups = all.map((group) => new Set(group))
    const excluded = new Set(not)
    const places: Place[] = []
    let [oldest, newest] = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]
    for (const { seq, createdAt, terms: text } of pendingOf.all(block * BLOCK_REPORTS, tenantId)) {
      if (createdAt < since || createdAt > until) continue
      const said = termsIn({ terms: text })
      if (said.some((id) => excluded.has(id)) || !groups.every((group) => said.some((id) => group.has(id)))) continue
      places.push([createdAt, seq])
      oldest = Math.min(oldest, createdAt)
      newest = Math.max(newest, createdAt)
    }
    return places.length === 0 ? [] : [{ block, oldest, newest, count: places.length, places: () => places }]
  }

  const quoted = (gram: string) => `"${gram}"`
  /** Everything in it is a gram of ours: nothing of what was asked for gets into the query as it is. */
  const queryOf = (wanted: string): string =>
    wantedWords(wanted)
      .map((words) => {
        const parts = words.map(({ grams, isBegin }) => (isBegin ? `"${grams[0]}"*` : grams.map(quoted).join(' + ')))
        return `(${parts.map((part) => `(${part})`).join(' AND ')})`
      })
      .join(' OR ')

  return {
    /** Numbers of a term; with `value`, the one that has it. */
    terms: (tenantId: Tenant, kind: string, name: string, value?: string): number[] =>
      value === undefined ? terms.all(tenantId, kind, name) : term.all(tenantId, kind, name, value),
    /**
     * Numbers of the texts in which all words of `wanted` are.
     * @throws Problem invalid-input when there is no word in it, or when they are in too many texts
     */
    texts(tenantId: Tenant, wanted: string): number[] {
      const query = queryOf(wanted)
      if (query === '') throw invalidField('querystring', 'text', 'must have a letter or a digit in it')
      const found = texts.all(query, tenantId, TEXTS_MAX + 1)
      if (found.length <= TEXTS_MAX) return found
      throw invalidField('querystring', 'text', `is in more than ${TEXTS_MAX} different texts: say more of it`)
    },
    find(tenantId: Tenant, wanted: Wanted): Found {
      const isNothing = wanted.all.some((group) => group.length === 0)
      const found = isNothing ? [] : [...inBlocks(tenantId, wanted), ...pending(tenantId, wanted)]
      return {
        count: found.reduce((sum, { count }) => sum + count, 0),
        page: (direction, limit, offset, after) => pageOf(found, { direction, limit, offset, after }),
      }
    },
  }
}

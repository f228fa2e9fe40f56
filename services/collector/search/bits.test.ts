import fc from 'fast-check'
import t from 'tap'
import {
  BLOCK_REPORTS,
  clearBit,
  countBits,
  decodeBits,
  decodeHexInto,
  dropBits,
  encodeBits,
  hasBit,
  keepBits,
  noBits,
  setBit,
} from './bits.ts'

const places = fc.uniqueArray(fc.integer({ min: 0, max: BLOCK_REPORTS - 1 }), { maxLength: BLOCK_REPORTS })

const bitsOf = (set: Iterable<number>) => {
  const bits = noBits()
  for (const place of set) setBit(bits, place + 7 * BLOCK_REPORTS)
  return bits
}
const placesOf = (bits: ReturnType<typeof noBits>) =>
  Array.from({ length: BLOCK_REPORTS }, (_, place) => place).filter((place) => hasBit(bits, place))
const inOrder = (set: readonly number[]) => [...set].sort((one, other) => one - other)

t.test('bits are stored and read as they were, be they few or many', (t) => {
  fc.assert(
    fc.property(places, (set) => {
      const bits = bitsOf(set)
      const stored = encodeBits(bits)
      t.same(placesOf(decodeBits(stored)), inOrder(set))
      t.same(placesOf(decodeHexInto(noBits(), stored.toString('hex'))), inOrder(set))
      t.equal(countBits(bits), set.length)
      t.ok(stored.length <= BLOCK_REPORTS / 8)
    }),
    { numRuns: 50 },
  )
  t.end()
})

t.test('bits are combined as sets are', (t) => {
  fc.assert(
    fc.property(places, places, (one, other) => {
      const [both, rest, less] = [bitsOf(one), bitsOf(one), bitsOf(one)]
      keepBits(both, bitsOf(other))
      dropBits(rest, bitsOf(other))
      for (const place of other) clearBit(less, place)
      const second = new Set(other)
      t.same(placesOf(both), inOrder(one.filter((place) => second.has(place))))
      t.same(placesOf(rest), inOrder(one.filter((place) => !second.has(place))))
      t.same(placesOf(less), placesOf(rest))
    }),
    { numRuns: 50 },
  )
  t.end()
})

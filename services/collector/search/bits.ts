/** Reports of one block: a bit for each, the place of a report being its number in the order of arrival. */
export type Bits = Uint32Array

export const BLOCK_SHIFT = 10
/** Reports of one block. */
export const BLOCK_REPORTS = 1 << BLOCK_SHIFT

const WORD_BITS = 32
const WORDS = BLOCK_REPORTS / WORD_BITS
const BITMAP_BYTES = BLOCK_REPORTS / 8
const PLACE_BYTES = 2

export const blockOf = (seq: number): number => Math.floor(seq / BLOCK_REPORTS)
const placeOf = (seq: number): number => seq % BLOCK_REPORTS

export const noBits = (): Bits => new Uint32Array(WORDS)

export function setBit(bits: Bits, seq: number): void {
  const place = placeOf(seq)
  bits[place >>> 5] = (bits[place >>> 5] as number) | (1 << (place & 31))
}

export function clearBit(bits: Bits, seq: number): void {
  const place = placeOf(seq)
  bits[place >>> 5] = (bits[place >>> 5] as number) & ~(1 << (place & 31))
}

export function hasBit(bits: Bits, seq: number): boolean {
  const place = placeOf(seq)
  return (((bits[place >>> 5] as number) >>> (place & 31)) & 1) === 1
}

/** Bits in a word, by adding those of its halves, quarters and so on (Hacker's Delight, 5-1). */
function bitsIn(word: number): number {
  let sum = word - ((word >>> 1) & 0x55_55_55_55)
  sum = (sum & 0x33_33_33_33) + ((sum >>> 2) & 0x33_33_33_33)
  return Math.imul((sum + (sum >>> 4)) & 0x0f_0f_0f_0f, 0x01_01_01_01) >>> 24
}

export function countBits(bits: Bits): number {
  let count = 0
  for (const word of bits) count += bitsIn(word)
  return count
}

export function keepBits(of: Bits, those: Bits): void {
  for (let at = 0; at < WORDS; at++) of[at] = (of[at] as number) & (those[at] as number)
}

export function dropBits(of: Bits, those: Bits): void {
  for (let at = 0; at < WORDS; at++) of[at] = (of[at] as number) & ~(those[at] as number)
}

/** As they are stored: the places of few, a bitmap of many. Its length says which. */
export function encodeBits(bits: Bits): Buffer {
  const count = countBits(bits)
  if (count * PLACE_BYTES >= BITMAP_BYTES) {
    const whole = Buffer.alloc(BITMAP_BYTES)
    bits.forEach((word, at) => whole.writeUInt32LE(word, at * 4))
    return whole
  }
  const places = Buffer.alloc(count * PLACE_BYTES)
  let at = 0
  bits.forEach((word, index) => {
    // The lowest bit first, until none is left.
    for (let left = word; left !== 0; left &= left - 1) {
      const place = index * WORD_BITS + 31 - Math.clz32(left & -left)
      at = places.writeUInt16LE(place, at)
    }
  })
  return places
}

/** Adds stored bits to others. */
export function decodeInto(bits: Bits, stored: Buffer): Bits {
  if (stored.length === BITMAP_BYTES) {
    for (let at = 0; at < WORDS; at++) bits[at] = (bits[at] as number) | stored.readUInt32LE(at * 4)
    return bits
  }
  for (let at = 0; at < stored.length; at += PLACE_BYTES) setBit(bits, stored.readUInt16LE(at))
  return bits
}

export const decodeBits = (stored: Buffer): Bits => decodeInto(noBits(), stored)

const read = Buffer.alloc(BITMAP_BYTES)

/**
 * The same of bits in hexadecimal. A query reads thousands of them, and as many small buffers cost more than their text: their memory
 * is outside the heap, and nothing makes haste to free it.
 */
export const decodeHexInto = (bits: Bits, stored: string): Bits =>
  decodeInto(bits, read.subarray(0, read.write(stored, 'hex')))

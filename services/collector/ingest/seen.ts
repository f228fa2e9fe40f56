/** Half of the 64 bits of a slot: which tag, and whose. */
const WORDS = 2
const GENERATIONS = 16
const LOAD_MAX = 0.75
const PLACES = 2 ** 32 - 1

/** What was seen in one stretch of time: an open hash table of pairs, a tag and a place (1 is `base`; 0 is nobody's). */
interface Generation {
  slots: Uint32Array
  base: number
  size: number
  /** Milliseconds since 1970. */
  newest: number
}

export type Seen = ReturnType<typeof createSeen>

/**
 * Remembers which reports have a content of a tag (32 bits), in about 11 bytes each, the newest `max` or somewhat more. It
 * forgets by generations, so that nothing is ever moved or searched for what is too old.
 */
export function createSeen(max: number) {
  const capacity = Math.ceil(max / GENERATIONS)
  const slots = 2 ** Math.ceil(Math.log2(capacity / LOAD_MAX + 1))
  /** The newest first. */
  let generations: Generation[] = []

  function generationFor(seq: number): Generation {
    const [newest] = generations
    const fits = newest !== undefined && newest.size < capacity && seq >= newest.base && seq - newest.base < PLACES
    if (fits) return newest
    const fresh = { slots: new Uint32Array(slots * WORDS), base: seq, size: 0, newest: 0 }
    generations = [fresh, ...generations.slice(0, GENERATIONS)]
    return fresh
  }

  return {
    /** @param at milliseconds since 1970 */
    add(tag: number, seq: number, at: number): void {
      const generation = generationFor(seq)
      const { slots: table, base } = generation
      let slot = (tag % slots) * WORDS
      while (table[slot + 1] !== 0) slot = (slot + WORDS) % table.length
      table[slot] = tag
      table[slot + 1] = seq - base + 1
      generation.size++
      generation.newest = Math.max(generation.newest, at)
    },
    /** What `accept` makes of the first report of this tag that it accepts. */
    find<T>(tag: number, accept: (seq: number) => T | undefined): T | undefined {
      for (const { slots: table, base } of generations) {
        for (let slot = (tag % slots) * WORDS; table[slot + 1] !== 0; slot = (slot + WORDS) % table.length) {
          const found = table[slot] === tag ? accept(base + (table[slot + 1] as number) - 1) : undefined
          if (found !== undefined) return found
        }
      }
      return undefined
    },
    /** Forgets generations of which nothing is newer than `cutoff`. */
    forget(cutoff: number): void {
      generations = generations.filter(({ newest }) => newest > cutoff)
    },
  }
}

/** Something that waits in a lane. */
export interface InLane {
  /** Whose it is. */
  lane: string
  /** How much work it is; at least 1. */
  count: number
  bytes: number
}

/** What is taken together at most. */
export interface Load {
  count: number
  bytes: number
  /** Of one lane. */
  ofLane: number
}

/** Work that a lane may have in a round before the next one has its turn. */
const QUANTUM = 50

/**
 * What waits, a lane for each tenant. What is taken together is taken from all lanes by turns, so that nobody waits for
 * another's many; within a lane the order stays.
 */
export function createLanes<T extends InLane>() {
  const lanes = new Map<string, T[]>()
  let length = 0

  /** Puts those lanes behind the others that had nothing or less this time. */
  function rotate(names: Iterable<string>): void {
    for (const name of names) {
      const rest = lanes.get(name)
      if (rest === undefined) continue
      lanes.delete(name)
      if (rest.length > 0) lanes.set(name, rest)
    }
  }

  return {
    length: (): number => length,
    add(one: T): void {
      const lane = lanes.get(one.lane)
      if (lane === undefined) lanes.set(one.lane, [one])
      else lane.push(one)
      length++
    },
    /** Takes as much as the load allows, and always something. A lane whose next is too much has nothing more this time. */
    take(load: Load): T[] {
      const taken: T[] = []
      const had = new Map<string, { count: number; at: number }>()
      let [count, bytes] = [0, 0]
      const fits = (next: T, own: number) =>
        count + next.count <= load.count && bytes + next.bytes <= load.bytes && own + next.count <= load.ofLane

      let open = [...lanes.keys()]
      for (let round = QUANTUM; open.length > 0; round += QUANTUM) {
        open = open.filter((name) => {
          const waiting = lanes.get(name) as T[]
          const own = had.get(name) ?? { count: 0, at: 0 }
          had.set(name, own)
          for (let next = waiting[own.at]; next !== undefined && own.count < round; next = waiting[own.at]) {
            if (taken.length > 0 && !fits(next, own.count)) return false
            taken.push(next)
            count += next.count
            bytes += next.bytes
            own.count += next.count
            own.at++
          }
          return own.at < waiting.length
        })
      }
      for (const [name, { at }] of had) lanes.set(name, (lanes.get(name) as T[]).slice(at))
      rotate([...had].toSorted(([, one], [, other]) => one.count - other.count).map(([name]) => name))
      length -= taken.length
      return taken
    },
  }
}

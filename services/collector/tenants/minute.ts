/** One more than a minute has, so that what is counted covers a whole minute however the seconds fall. */
const SECONDS = 61

/** How many came in the last minute, to the second. */
export function createMinute() {
  const counts = new Uint32Array(SECONDS)
  let latest = 0
  let sum = 0

  const countAt = (second: number) => counts[(second + SECONDS) % SECONDS] as number

  function advance(second: number): void {
    if (second - latest >= SECONDS) {
      counts.fill(0)
      sum = 0
    } else {
      for (let at = latest + 1; at <= second; at++) {
        sum -= counts[at % SECONDS] as number
        counts[at % SECONDS] = 0
      }
    }
    latest = Math.max(latest, second)
  }

  /** All times are seconds of a clock that never goes back. */
  return {
    sum(second: number): number {
      advance(second)
      return sum
    },
    add(second: number, count: number): void {
      advance(second)
      counts[latest % SECONDS]! += count
      sum += count
    },
    /** Takes back what was added last. */
    remove(count: number): void {
      for (let [at, left] = [latest, count]; left > 0 && at > latest - SECONDS; at--) {
        const slot = (at + SECONDS) % SECONDS
        const here = Math.min(left, counts[slot] as number)
        counts[slot]! -= here
        sum -= here
        left -= here
      }
    },
    /** Seconds until there is room for one more within `limit`, which is at least 1. */
    untilRoom(second: number, limit: number): number {
      advance(second)
      let at = latest - SECONDS + 1
      let left = sum - countAt(at)
      while (left >= limit) left -= countAt(++at)
      return at + SECONDS - latest
    },
  }
}

export type Minute = ReturnType<typeof createMinute>

/** Something with deadlines, looked at from time to time instead of keeping a timer of its own. */
export interface Swept {
  /** where it is among the members; the sweep's own */
  place: number
  sweep(now: number, elapsed: number): void
}

/**
 * One timer for all deadlines. Its clock is coarse (`now` moves once an interval, in ms) and counts no more than two
 * intervals at a time: after a stall of this process, or of the machine, nobody is timed out for what was our own absence.
 *
 * The members are kept in an array, in no order. A Set would be shorter, but V8 leaves entries in the tables that it
 * outgrows, and those, once in the old generation, kept one request in two alive until the next full collection.
 */
export class Sweep {
  now = 0
  private readonly members: Swept[] = []
  private readonly timer: NodeJS.Timeout
  private last = performance.now()

  constructor(interval: number) {
    this.timer = setInterval(() => {
      const time = performance.now()
      const elapsed = Math.min(time - this.last, 2 * interval)
      this.last = time
      this.now += elapsed
      // backwards, because a member may remove itself, which puts the last one in its place
      for (let i = this.members.length - 1; i >= 0; i--) this.members[i]?.sweep(this.now, elapsed)
    }, interval)
    this.timer.unref()
  }

  add(member: Swept): void {
    member.place = this.members.push(member) - 1
  }

  remove(member: Swept): void {
    const last = this.members.pop() as Swept
    if (last === member) return
    this.members[member.place] = last
    last.place = member.place
  }

  stop(): void {
    clearInterval(this.timer)
  }
}

/** Something with deadlines, looked at from time to time instead of keeping a timer of its own. */
export interface Swept {
  sweep(now: number, elapsed: number): void
}

/**
 * One timer for all deadlines. Its clock is coarse (`now` moves once an interval, in ms) and counts no more than two
 * intervals at a time: after a stall of this process, or of the machine, nobody is timed out for what was our own absence.
 */
export class Sweep {
  now = 0
  readonly members = new Set<Swept>()
  private readonly timer: NodeJS.Timeout
  private last = performance.now()

  constructor(interval: number) {
    this.timer = setInterval(() => {
      const time = performance.now()
      const elapsed = Math.min(time - this.last, 2 * interval)
      this.last = time
      this.now += elapsed
      for (const member of this.members) member.sweep(this.now, elapsed)
    }, interval)
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }
}

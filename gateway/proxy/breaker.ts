import type { BreakerState } from './contract.ts'

/**
 * Circuit breaker: `threshold` failures in a row open it; after `cooldown` ms one request is let through as a probe, and its
 * end decides. Any success closes it. It stays `open` until a request comes that may be the probe.
 */
export class Breaker {
  state: BreakerState = 'closed'
  failures = 0

  private readonly threshold: number
  private readonly cooldown: number
  private readonly changed: (state: BreakerState) => void
  private openedAt = 0
  private probing = false

  constructor(threshold: number, cooldown: number, changed: (state: BreakerState) => void) {
    this.threshold = threshold
    this.cooldown = cooldown
    this.changed = changed
  }

  /** Whether a request may pass. One that passes must end in `succeeded`, `failed` or `abandoned`. */
  admits(): boolean {
    if (this.state === 'closed') return true
    if (this.state === 'open') {
      if (performance.now() - this.openedAt < this.cooldown) return false
      this.become('half-open')
    }
    if (this.probing) return false
    this.probing = true
    return true
  }

  succeeded(): void {
    this.failures = 0
    this.probing = false
    if (this.state !== 'closed') this.become('closed')
  }

  failed(): void {
    this.failures++
    this.probing = false
    if (this.state === 'half-open' || (this.state === 'closed' && this.failures >= this.threshold)) {
      this.openedAt = performance.now()
      this.become('open')
    }
  }

  /** The client left before the upstream could show anything: the next request may probe. */
  abandoned(): void {
    this.probing = false
  }

  /** seconds until a probe may pass, at least 1 */
  get retryAfter(): number {
    return Math.max(1, Math.ceil((this.openedAt + this.cooldown - performance.now()) / 1000))
  }

  private become(state: BreakerState): void {
    this.state = state
    this.changed(state)
  }
}

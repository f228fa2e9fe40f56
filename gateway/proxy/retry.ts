const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/** RFC 9110 9.2.2; a body that has streamed by is gone, so a request with one is never sent twice. */
export function isRetryable(method: string, hasBody: boolean): boolean {
  return !hasBody && IDEMPOTENT.has(method)
}

const FLOOR = 10

/**
 * A token bucket: each request earns a share of a retry, so that retries stay within that share of the load and cannot
 * multiply it when an upstream is in trouble. The floor lets a lone request be retried; the ceiling covers every connection
 * being reset at once by a restart.
 */
export class RetryBudget {
  spent = 0
  private tokens = FLOOR
  private readonly ratio: number
  private readonly ceiling: number

  constructor(ratio: number, maxConnections: number) {
    this.ratio = ratio
    this.ceiling = Math.max(FLOOR, maxConnections)
  }

  earn(): void {
    if (this.tokens < this.ceiling) this.tokens += this.ratio
  }

  /** One token a second up to the floor. */
  refill(elapsedMs: number): void {
    if (this.tokens < FLOOR) this.tokens = Math.min(FLOOR, this.tokens + elapsedMs / 1000)
  }

  spend(): boolean {
    if (this.tokens < 1) return false
    this.tokens--
    this.spent++
    return true
  }
}

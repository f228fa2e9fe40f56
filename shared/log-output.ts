const FLUSH_BYTES = 65_536
const FLUSH_MS = 100
/** What is held for a reader that does not read; what comes beyond it is dropped, and that is said. */
const HELD_MAX_BYTES = 64 * 1024 * 1024
/** Longest wait at exit for a reader that is slow. */
const EXIT_WAIT_MS = 2000
const EXIT_POLL_MS = 2

/** Where lines go. */
export interface LogSink {
  /** Takes whole lines; gives the number of bytes taken, fewer than offered when it would have to wait. */
  write(lines: Buffer): number
}

const alive = new Set<LogOutput>()
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/**
 * Writes log lines in batches of 64 KB or 100 ms: one system call for hundreds of lines instead of one each. What is left is
 * written before the process exits, whatever the reason.
 */
export class LogOutput {
  readonly #sink: LogSink
  #lines = ''
  #held: Buffer[] = []
  #heldBytes = 0
  #dropped = 0
  #timer: NodeJS.Timeout | undefined

  constructor(sink: LogSink) {
    this.#sink = sink
    if (alive.size === 0) process.once('exit', () => alive.forEach((output) => output.#finish()))
    alive.add(this)
  }

  write(line: string): void {
    this.#lines += `${line}\n`
    if (this.#lines.length >= FLUSH_BYTES) this.#flush()
    else this.#wait()
  }

  #wait(): void {
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref()
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#hold()
    while (this.#held.length > 0) {
      const first = this.#held[0] as Buffer
      const taken = this.#sink.write(first)
      this.#heldBytes -= taken
      if (taken < first.length) {
        this.#held[0] = first.subarray(taken)
        return this.#wait()
      }
      this.#held.shift()
    }
  }

  #hold(): void {
    const lines = Buffer.from(this.#lines)
    this.#lines = ''
    if (lines.length === 0) return
    if (this.#heldBytes + lines.length > HELD_MAX_BYTES) {
      this.#dropped += lines.length
      return
    }
    if (this.#dropped > 0) {
      const notice = Buffer.from(`{"level":"warn","message":"${this.#dropped} bytes of log were dropped"}\n`)
      this.#dropped = 0
      this.#held.push(notice)
      this.#heldBytes += notice.length
    }
    this.#held.push(lines)
    this.#heldBytes += lines.length
  }

  #finish(): void {
    const deadline = Date.now() + EXIT_WAIT_MS
    this.#flush()
    while (this.#held.length > 0 && Date.now() < deadline) {
      Atomics.wait(sleeper, 0, 0, EXIT_POLL_MS)
      this.#flush()
    }
  }
}

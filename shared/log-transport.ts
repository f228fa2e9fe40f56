import { writeSync } from 'node:fs'
import Transport from 'winston-transport'

const MESSAGE = Symbol.for('message')
const FLUSH_BYTES = 65_536
const FLUSH_MS = 100

const alive = new Set<BatchTransport>()

/**
 * Writes log lines to stdout in batches of 64 KB or 100 ms: one system call for hundreds of lines instead of one each.
 * What is left is written synchronously when the process exits, whatever the reason.
 */
export class BatchTransport extends Transport {
  #lines = ''
  #timer: NodeJS.Timeout | undefined

  constructor() {
    super()
    if (alive.size === 0) process.once('exit', () => alive.forEach((transport) => transport.flushNow()))
    alive.add(this)
  }

  override log(info: Record<symbol, string>, next: () => void): void {
    this.#lines += `${info[MESSAGE]}\n`
    if (this.#lines.length >= FLUSH_BYTES) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref()
    next()
  }

  #take(): string {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lines = this.#lines
    this.#lines = ''
    return lines
  }

  #flush(): void {
    if (this.#lines !== '') process.stdout.write(this.#take())
  }

  /** Writes what is left, synchronously. */
  flushNow(): void {
    const lines = this.#take()
    if (lines === '') return
    try {
      writeSync(1, lines)
    } catch {
      // stdout is gone (EPIPE) or full (EAGAIN): there is nobody left to tell
    }
  }
}
